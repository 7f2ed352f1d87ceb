"""Killed at any step, a writer leaves a readable lake, and the next run has every row exactly once."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from federim.home import Home
from federim.lake.entered import Entered
from federim.lake.reader import connect_home, query
from federim.lake.tables import Lake
from federim.model.errors import LakeError, StorageFull

DIAGNOSES = "SELECT count(*) FROM condition_occurrence WHERE condition_source_value"
TOTALS = (
    f"SELECT ({DIAGNOSES} = 'C2') AS c2, ({DIAGNOSES} = 'C3') AS c3, "
    "(SELECT count(*) FROM measurement) AS measurements, "
    '(SELECT sum("NumberOfInstances") FROM image_occurrence) AS instances, '
    "(SELECT count(*) FROM image_occurrence) AS series, (SELECT count(*) FROM quarantine) AS refused"
)


def totals(home: Home) -> dict[str, int]:
    with connect_home(home) as connection:
        (found,) = query(connection, TOTALS, seconds=60).to_pylist()
    return found


@pytest.fixture
def second_batch(site: Home, rows: Any) -> tuple[dict[str, Any], dict[bytes, Entered]]:
    """A lake with one batch, and the next one: it appends, merges, repeats and revises a diagnosis of two."""
    before = [("condition_occurrence", rows.condition(name)) for name in ("c1", "c2")]
    after = [("condition_occurrence", rows.condition(name)) for name in ("c1", "c3")]
    with Lake(site).writing() as writer:
        writer.commit(
            {
                "measurement": [rows.measurement()],
                "image_occurrence": [rows.series(), rows.series(series=2)],
                "condition_occurrence": [row for _, row in before],
            },
            {b"1" * 16: Entered(b"c" * 16), b"d" * 16: Entered(b"1" * 16, 1, writer.places(before))},
        )
        places = writer.places(after)
    batch = {
        "measurement": [rows.measurement(name="m2"), rows.measurement(name="m3", person="p2")],
        "image_occurrence": [rows.series(), rows.series(series=3, person="p2")],
        "quarantine": [rows.quarantine()],
        "condition_occurrence": [row for _, row in after],
    }
    return batch, {b"2" * 16: Entered(b"c" * 16), b"d" * 16: Entered(b"2" * 16, 2, places)}


BEFORE = {"measurements": 1, "instances": 2, "series": 2, "refused": 0, "c2": 1, "c3": 0}
AFTER = {"measurements": 3, "instances": 4, "series": 3, "refused": 1, "c2": 0, "c3": 1}


def finish(home: Home, batch: dict[str, Any], seen: dict[bytes, Entered]) -> None:
    """What the next run does: commit what the lake does not know."""
    with Lake(home).writing() as writer:
        if writer.known(seen.keys()) != seen:
            writer.commit(batch, seen)


def killed_copies(site: Home, act: str, arguments: tuple[Any, ...], **options: Any) -> list[Home]:
    """Copies of the site in which a writer was killed while it did `act`, each a step later than the last."""
    child = subprocess.run(
        [sys.executable, Path(__file__).with_name("killed_writer.py"), site.root],
        input=pickle.dumps((act, arguments, options)),
        capture_output=True,
        check=True,
    )
    killed = int(child.stdout)
    assert killed > 30
    return [Home.open(site.root.with_name(f"{site.root.name}-{step}")) for step in range(1, killed + 1)]


def test_killed_at_any_step_the_next_run_completes_the_work(site: Home, second_batch: Any) -> None:
    partial = 0
    for step, home in enumerate(killed_copies(site, "commit", second_batch), start=1):
        left = totals(home)  # readable as the kill left it, each table before or after the batch
        assert all(left[name] in (BEFORE[name], AFTER[name]) for name in left), step
        partial += left not in (BEFORE, AFTER)
        finish(home, *second_batch)
        assert totals(home) == AFTER, step
        assert {path.name for path in home.staging.iterdir()} == {"writer.lock"}, step
    assert partial > 0


def test_killed_while_it_replaces_the_next_run_finds_all_replaced_or_nothing(site: Home, rows: Any) -> None:
    old, new, other = (
        {
            "person_id": rows.person()["person_id"],
            "SeriesInstanceUID": f"2.25.{number}",
            "SOPInstanceUID": f"2.25.{number}1",
            "sha256": digit * 64,
            "path": f"{digit}.dcm",
            "size": size,
        }
        for number, digit, size in ((1, "a", 10), (1, "b", 20), (2, "c", 5))
    )
    with Lake(site).writing() as writer:
        writer.commit(
            {
                "image_occurrence": [rows.series(SizeBytes=10), rows.series(series=2, SizeBytes=5)],
                "instance_file": [old, other],
            },
            {},
        )
    replacement = {"image_occurrence": [rows.series(SizeBytes=20, Rows=8)], "instance_file": [new]}

    def state(home: Home) -> tuple[int, ...]:
        with connect_home(home) as connection:
            (found,) = query(
                connection,
                'SELECT (SELECT sum("SizeBytes") FROM image_occurrence) AS series, '
                "(SELECT sum(size) FROM instance_file) AS files, (SELECT count(*) FROM instance_file) AS n",
                seconds=60,
            ).to_pylist()
        return tuple(found.values())

    before, after = (15, 15, 2), (25, 25, 2)
    assert state(site) == before
    finished = 0
    for home in killed_copies(site, "replace", (replacement,), dropped=[old["path"]]):
        left = state(home)  # each table as it was before or after
        assert all(found in either for found, *either in zip(left, before, after, strict=True))
        with Lake(home).writing() as writer:
            dropped = writer.dropped
        assert state(home) == (after if dropped else before)
        assert dropped in ([], ["a.dcm"])
        finished += bool(dropped)
    assert finished > 10


def test_only_rows_that_are_there_are_replaced(site: Home, rows: Any) -> None:
    with Lake(site).writing() as writer:
        writer.commit({"image_occurrence": [rows.series()]}, {})
        for given in ([rows.series(series=2)], [rows.series(), rows.series()]):
            with pytest.raises(LakeError, match="expected each to be in the lake, once"):
                writer.replace({"image_occurrence": given}, dropped=())
    assert totals(site)["series"] == 1


@pytest.mark.parametrize(
    "refusing",
    [
        "federim.lake.staging.sync",
        "federim.lake.staging._write_arrow",
        "federim.lake.delta.write_deltalake",
        "federim.lake.delta.DeltaTable.merge",
        "federim.lake.delta.sync",
        "federim.lake.index.Index.remember",
        "federim.lake.tables.drop",
    ],
)
@pytest.mark.parametrize("says", ["errno", "words"])
def test_a_full_disk_is_said_plainly_and_nothing_is_lost(
    site: Home, second_batch: Any, monkeypatch: pytest.MonkeyPatch, refusing: str, says: str
) -> None:
    import sqlite3

    from deltalake.exceptions import DeltaError

    def refuse(*args: object, **options: object) -> Callable[..., None]:
        if says == "errno":
            raise OSError(28, "No space left on device")
        if "index" in refusing:
            raise sqlite3.OperationalError("database or disk is full")
        raise DeltaError(
            "Generic LocalFileSystem error: Unable to write: No space left on device (os error 28)"
        )

    with monkeypatch.context() as full, Lake(site).writing() as writer:
        full.setattr(refusing, refuse)
        with pytest.raises(StorageFull, match="the disk is full"):
            writer.commit(*second_batch)
    left = totals(site)
    assert all(left[name] in (BEFORE[name], AFTER[name]) for name in left)
    finish(site, *second_batch)
    assert totals(site) == AFTER


def test_the_same_writer_goes_on_once_there_is_space(
    site: Home, second_batch: Any, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    with Lake(site).writing() as writer:
        with monkeypatch.context() as full:
            full.setattr("federim.lake.delta.DeltaTable.merge", refuse)
            with pytest.raises(StorageFull):
                writer.commit(*second_batch)
        writer.commit({"measurement": [rows.measurement(name="m4")]}, {})
    assert totals(site) == {**AFTER, "measurements": 4}


def test_another_failure_of_delta_is_not_called_a_full_disk(
    site: Home, second_batch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deltalake.exceptions import DeltaError

    def fail(*args: object, **options: object) -> None:
        raise DeltaError("something else")

    monkeypatch.setattr("federim.lake.delta.write_deltalake", fail)
    with Lake(site).writing() as writer, pytest.raises(DeltaError, match="something else"):
        writer.commit(*second_batch)
