"""A lake that was ingested is whole; where it was damaged that is found; maintenance changes no row of it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from django.db import connections
from lake_damages import DAMAGES, a_pinned_file_goes, freeze_ct
from typer.testing import CliRunner, Result

from federim.cli.main import app
from federim.home import Home
from federim.lake import delta_log, images, snapshot
from federim.lake.delta import DeltaWriter
from federim.lake.maintenance.checking import check
from federim.lake.maintenance.optimizing import optimize
from federim.lake.maintenance.problems import Problem
from federim.lake.maintenance.vacuuming import vacuum
from federim.lake.reader import connect_home, query
from federim.lake.schema import BUCKETS, TABLES
from federim.lake.staging import Share
from federim.lake.tables import Lake
from federim.model.errors import LakeError
from federim_pipelines.run import ingest

Content = Callable[[Home], dict[str, list[str]]]


def federim(home: Home, *words: str) -> Result:
    result = CliRunner().invoke(app, ["--home", str(home.root), *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test leaves a copy of its home for the others: reading takes longer than copying."""
    return tmp_path_factory.mktemp("kept") / "alpha"


@pytest.fixture
def ingested(
    kept: Path,
    tmp_path: Path,
    make_home: Callable[..., Home],
    inbox: Path,
    write_image: Callable[..., Path],
    write_bundle: Callable[..., Path],
) -> Home:
    """Images and results of 31 persons, come in five runs that all tell of the first: many small files."""
    if not kept.exists():
        home = make_home("first")
        for run in range(5):
            for person in (0, *range(6 * run + 1, 6 * run + 7)):
                for number in (2 * run, 2 * run + 1):
                    name = f"{run}/{person}-{number}.dcm"
                    write_image(name, patient=f"IPP-p{person}", number=number)
                write_bundle(f"{run}/{person}.json", patient=f"p{person}", results=3 + run)
            ingest(home, [inbox / str(run)], test_identities=True)
        connections.close_all()  # SQLite folds its log into the file that is copied
        shutil.copytree(home.root, kept)
    return Home.open(Path(shutil.copytree(kept, tmp_path / "alpha")))


def lake_files(home: Home) -> dict[Path, bytes]:
    """Every file of the lake but those that SQLite makes to read its own."""
    return {
        path: path.read_bytes()
        for path in home.lake.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def disk(home: Home) -> int:
    """Bytes of the tables' files."""
    return sum(path.stat().st_size for path in home.lake.glob("*/bucket=*/*.parquet"))


def test_a_lake_that_was_ingested_is_whole(ingested: Home) -> None:
    before = lake_files(ingested)
    done = federim(ingested, "lake", "check", "--json")
    told = json.loads(done.stdout)
    assert told["problems"] == [] and told["ok"] is True and done.exit_code == 0
    assert told["tables"]["instance"]["rows"] == 70
    assert told["objects"]["rows"] == told["objects"]["hashed"] == 70
    assert told["references"]["instance.SeriesInstanceUID"] == 0
    assert lake_files(ingested) == before


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_found_and_said_without_a_patient(ingested: Home, damage: Callable[[Home], None]) -> None:
    secrets = secrets_of(ingested)
    damage(ingested)
    done = federim(ingested, "lake", "check", "--json")
    told = json.loads(done.stdout)
    assert (told["ok"], done.exit_code) == (False, LakeError.exit_code)
    said = [str(Problem(**problem)) for problem in told["problems"]]
    assert any(DAMAGES[damage] in each for each in said), said
    for secret in secrets:
        assert not any(secret in each for each in said)


def secrets_of(home: Home) -> list[str]:
    """Pseudonyms, and the hashes in objects' names."""
    with connect_home(home) as connection:
        rows = query(connection, "SELECT person_id FROM person", seconds=60)
    return [*rows["person_id"].to_pylist(), *(path.stem for path in home.objects.rglob("*.dcm"))]


def test_what_is_not_wrong_is_only_told(ingested: Home) -> None:
    """An object without a row may be that of a run that writes now."""
    images.store(ingested, b"without a row")
    checked = check(ingested)
    assert (checked.ok, checked.objects.orphans, checked.objects.orphan_bytes) == (True, 1, 13)


def test_a_batch_that_is_half_in_disturbs_no_check(ingested: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed, or looked at, between two tables: the check sees the lake of the batch before."""
    rows = {
        "measurement": [{"person_id": "0" * 32, "measurement_id": "1" * 32, "measurement_source_value": "1"}],
        "person": [{"person_id": "0" * 32, "site": "alpha"}],
    }
    write, left = DeltaWriter.write, iter(range(1))

    def stop_at_the_second(writer: DeltaWriter, share: Share, number: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        write(writer, share, number)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt), Lake(ingested).writing() as writer:
        patch.setattr(DeltaWriter, "write", stop_at_the_second)
        writer.commit(rows, {})
    before = check(ingested)
    assert before.problems == ()
    with Lake(ingested).writing():
        pass
    after = check(ingested)
    assert after.problems == ()
    assert after.batch == before.batch + 1
    for name in rows:
        assert after.tables[name].rows == before.tables[name].rows + 1


def test_optimize_brings_rows_into_order_and_changes_none(ingested: Home, content: Content) -> None:
    before, rows = check(ingested), content(ingested)
    assert before.tables["measurement"].files > BUCKETS
    done = federim(ingested, "lake", "optimize", "--json")
    told = json.loads(done.stdout)
    after = check(ingested)
    assert content(ingested) == rows
    assert after.problems == ()
    for name, table in after.tables.items():
        files = Lake(ingested).files(name)
        assert table.unsorted_files == 0
        assert len(files) == len({file.parent for file in files})
        assert told["tables"][name]["files"] == len(files)
        assert told["tables"][name]["files_before"] == before.tables[name].files


def test_optimize_again_writes_nothing(ingested: Home) -> None:
    federim(ingested, "lake", "optimize")
    before = lake_files(ingested)
    assert "nothing to do" in federim(ingested, "lake", "optimize").stdout
    assert lake_files(ingested) == before


def test_a_table_that_is_killed_while_it_is_optimised_is_as_before_or_after(
    ingested: Home, content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = content(ingested)
    publish, left = delta_log._publish, iter(range(5))

    def killed(path: Path, text: str) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        publish(path, text)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(delta_log, "_publish", killed)
        optimize(ingested)
    assert check(ingested).problems == ()
    assert content(ingested) == rows
    optimize(ingested)
    assert content(ingested) == rows
    assert check(ingested).tables["instance"].unsorted_files == 0


def test_who_optimises_waits_for_a_writer_and_leaves_it_alone(ingested: Home) -> None:
    with Lake(ingested).writing(), pytest.raises(LakeError, match="another run"):
        optimize(ingested, patience=0)


def test_vacuum_removes_what_nothing_needs_and_leaves_every_row(ingested: Home, content: Content) -> None:
    rows, size = content(ingested), disk(ingested)
    optimize(ingested)
    images.store(ingested, b"without a row")
    (ingested.lake / "study" / "bucket=0").mkdir(exist_ok=True)
    (ingested.lake / "study" / "bucket=0" / "killed.part").write_bytes(b"half")
    foreseen = json.loads(
        federim(ingested, "lake", "vacuum", "--older-than", "0", "--dry-run", "--json").stdout
    )
    assert foreseen["files"] > BUCKETS and (foreseen["objects"], foreseen["unfinished"]) == (1, 1)
    assert json.loads(federim(ingested, "lake", "check", "--json").stdout)["objects"]["orphans"] == 1
    done = json.loads(federim(ingested, "lake", "vacuum", "--older-than", "0", "--json").stdout)
    assert {**done, "dry_run": True} == foreseen
    checked = check(ingested)
    assert (checked.problems, checked.objects.orphans) == ((), 0)
    assert content(ingested) == rows
    assert disk(ingested) < size
    on_disk = {path for path in ingested.lake.rglob("*.parquet") if "_delta_log" not in path.parts}
    assert on_disk == {path for name in TABLES for path in Lake(ingested).files(name)}


def test_vacuum_leaves_what_is_young(ingested: Home) -> None:
    optimize(ingested)
    images.store(ingested, b"without a row")
    before = lake_files(ingested)
    done = vacuum(ingested)
    assert (done.files, done.objects) == (0, 0) and done.kept > BUCKETS
    assert lake_files(ingested) == before


def test_a_file_is_as_old_as_its_leaving_the_table(ingested: Home) -> None:
    """Written long ago, and read by somebody until the table was optimised a moment ago."""
    for path in ingested.lake.rglob("*.parquet"):
        os.utime(path, (0, 0))
    optimize(ingested)
    assert vacuum(ingested, older_than=1).files == 0


def test_what_a_snapshot_pins_stays(ingested: Home) -> None:
    frozen = freeze_ct(ingested)
    with snapshot.connect(ingested, frozen) as connection:
        before = query(connection, "SELECT * FROM instance_file ORDER BY ALL", seconds=60).to_pylist()
    optimize(ingested)
    replaced = before[0]["path"]
    with Lake(ingested).writing() as writer:  # its row is gone from the live table alone
        writer.replace({}, gone={"instance_file": [before[0]]}, dropped=[replaced])
    vacuum(ingested, older_than=0)
    snapshot.verify(ingested, frozen)
    with snapshot.connect(ingested, frozen) as connection:
        assert query(connection, "SELECT * FROM instance_file ORDER BY ALL", seconds=60).to_pylist() == before
    assert all((ingested.objects / row["path"]).is_file() for row in before)


def test_vacuum_touches_nothing_where_a_pinned_file_is_gone(ingested: Home) -> None:
    a_pinned_file_goes(ingested)
    images.store(ingested, b"without a row")
    before = lake_files(ingested)
    with pytest.raises(LakeError, match="nobody knows what may go"):
        vacuum(ingested, older_than=0)
    assert lake_files(ingested) == before


def test_objects_of_a_batch_that_waits_stay(ingested: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run killed after it staged its batch: the next one completes it, with its objects."""
    new = images.store(ingested, b"an object")
    row = {"person_id": "0" * 32, "SeriesInstanceUID": "2.25.1", "SOPInstanceUID": "2.25.2", **asdict(new)}

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt), Lake(ingested).writing() as writer:
        patch.setattr(DeltaWriter, "write", killed)
        writer.commit({"instance_file": [row]}, {})
    assert vacuum(ingested, older_than=0).objects == 0
    assert (ingested.objects / new.path).is_file()


def test_vacuum_waits_for_a_writer_and_leaves_it_alone(ingested: Home) -> None:
    with Lake(ingested).writing(), pytest.raises(LakeError, match="another run"):
        vacuum(ingested, older_than=0, patience=0)
