"""A person who is taken out, or becomes another, is nowhere any more; nothing else changes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from byte_search import find
from persons_in_a_lake import change, commit, content, digest, fill, pinned, record_key, rows_of, traces, uid

from federim.database import migrate
from federim.home import Home, Role
from federim.lake import snapshot, tables
from federim.lake.reader import query
from federim.lake.rewriting import Change, rewrite
from federim.lake.tables import Lake
from federim.model.errors import LakeError
from federim.model.identifiers import Pseudonym

PERSONS = [f"p{number}" for number in range(6)]  # of several buckets


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six persons in three batches, of which small files were joined in between."""
    home = Home.create(tmp_path_factory.mktemp("homes") / "alpha", role=Role.SITE, name="alpha")
    migrate(home)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "FILES_BETWEEN_RUNS", 1)
        fill(home, PERSONS)
    return home.root


@pytest.fixture
def hospital(filled: Path, tmp_path: Path) -> Home:
    """A home of one's own with the six persons."""
    return Home.open(shutil.copytree(filled, tmp_path / "alpha"))


def snapshots(home: Home) -> list[str]:
    return [one.id for one in snapshot.every(home)]


def test_the_search_would_find_every_trace(hospital: Home) -> None:
    hits = find(hospital.root, traces("p0"))
    assert {hit.needle for hit in hits} == set(range(len(traces("p0"))))
    assert {"lake", "snapshots", "objects"} <= {hit.path.split("/")[0] for hit in hits}


def test_a_person_who_is_taken_out_is_nowhere(hospital: Home) -> None:
    old = snapshots(hospital)
    before, frozen = content(hospital), {id_: pinned(hospital, id_) for id_ in old}
    with Lake(hospital).writing() as writer:
        done = rewrite(hospital, writer, change(hospital, "p0", None))
    assert find(hospital.root, traces("p0")) == []
    assert done.rows_left == 0
    assert done.tables == {
        "person": 1,
        "study": 1,
        "image_occurrence": 3,
        "instance_file": 3,
        "measurement": 3,
        "report": 1,
    }
    del before[digest("p0")]
    assert content(hospital) == before
    assert done.snapshots.keys() == set(old)
    for id_, rows in frozen.items():
        del rows[digest("p0")]
        assert pinned(hospital, id_) == rows
        assert snapshot.load(hospital, id_).id == done.snapshots[id_]
        assert [path.name for path in (hospital.snapshots / id_).iterdir()] == ["tombstone.json"]


def test_a_person_who_becomes_another_takes_all_along(hospital: Home) -> None:
    old = snapshots(hospital)
    before = content(hospital)
    with Lake(hospital).writing() as writer:
        made = change(hospital, "p0", "new")
        done = rewrite(hospital, writer, made)
    assert find(hospital.root, traces("p0")) == []
    after = content(hospital)
    gone, come = before.pop(digest("p0")), after.pop(digest("new"))
    assert after == before
    assert [row[""] for row in come] == [row[""] for row in gone]
    assert {row["SeriesInstanceUID"] for row in come if row[""] == "image_occurrence"} == {
        uid(f"new|{uid(f'series|p0|{batch}')}") for batch in range(3)
    }
    for row in come:
        if row[""] == "instance_file":
            assert (hospital.objects / row["path"]).stat().st_size == row["size"]
    sizes = {name: sum(row[column] for row in come if row[""] == name) for name, column in SIZES.items()}
    assert sizes["image_occurrence"] == sizes["instance_file"]
    for id_ in old:
        assert digest("new") in pinned(hospital, done.snapshots[id_])


SIZES = {"image_occurrence": "SizeBytes", "instance_file": "size"}


def test_two_who_are_one_have_one_row_where_each_had_one(hospital: Home) -> None:
    with Lake(hospital).writing() as writer:
        rewrite(hospital, writer, change(hospital, "p0", "p1"))
    joined = content(hospital)[digest("p1")]
    assert [row["year_of_birth"] for row in joined if row[""] == "person"] == [1950]
    assert sum(row[""] == "image_occurrence" for row in joined) == 6
    for id_ in snapshots(hospital):
        rows = pinned(hospital, id_)
        assert digest("p0") not in rows
        for name in ("person", "cohort_person"):
            assert sum(row[""] == name for row in rows[digest("p1")]) == 1


def test_many_change_in_one_pass(hospital: Home) -> None:
    before = content(hospital)
    with Lake(hospital).writing() as writer:
        changes = [change(hospital, "p0", None), change(hospital, "p1", "new"), change(hospital, "p2", "p3")]
        done = rewrite(hospital, writer, *changes)
    assert done.tables["measurement"] == 9
    assert find(hospital.root, [*traces("p0"), *traces("p1"), *traces("p2")]) == []
    after = content(hospital)
    assert after.keys() == {digest(name) for name in ("new", "p3", "p4", "p5")}
    for person in ("p4", "p5"):
        assert after[digest(person)] == before[digest(person)]


def test_whoever_was_taken_out_can_come_again(hospital: Home) -> None:
    before = content(hospital)
    with Lake(hospital).writing() as writer:
        rewrite(hospital, writer, change(hospital, "p0", None))
        assert writer.known([record_key("p0", 0), record_key("p0", 0)[::-1]]) == {}
    for batch in range(3):
        commit(hospital, PERSONS, batch)
    assert content(hospital) == before
    assert {path.is_file() for path in stored(hospital, "p0")} == {True}


def stored(home: Home, person: str) -> list[Path]:
    return [
        home.objects / row["path"]
        for batch in range(3)
        for row in rows_of(home, person, batch)["instance_file"]
    ]


def test_a_record_follows_its_person(hospital: Home) -> None:
    with Lake(hospital).writing() as writer:
        rewrite(hospital, writer, change(hospital, "p0", "new"))
        held = writer.known([record_key("p0", 1)])[record_key("p0", 1)]
        assert held.subject == writer.subject(digest("new"))
        assert sorted(place.table for place in held.places) == ["instance_file", "measurement", "report"]
        # Its next version finds the rows of this one, which go.
        writer.commit({}, {record_key("p0", 1): type(held)(b"x" * 16, 2)})
    left = content(hospital)[digest("new")]
    assert sum(row[""] == "measurement" for row in left) == 2


def test_nobody_is_changed_whose_objects_are_not_all_told(hospital: Home) -> None:
    before = content(hospital)
    made = change(hospital, "p0", "new")
    with (
        Lake(hospital).writing() as writer,
        pytest.raises(LakeError, match="3 stored objects of a person have nothing"),
    ):
        rewrite(hospital, writer, Change(person_id=made.person_id, into=made.into))
    assert content(hospital) == before


def test_nobody_of_that_name_changes_nothing(hospital: Home) -> None:
    before, old = content(hospital), snapshots(hospital)
    with Lake(hospital).writing() as writer:
        done = rewrite(hospital, writer, change(hospital, "nobody", None))
    assert (done.tables, done.files_rewritten, done.snapshots, done.rows_left) == ({}, 0, {}, 0)
    assert (content(hospital), snapshots(hospital)) == (before, old)


def test_what_a_killed_process_was_writing_is_searched_no_more(hospital: Home) -> None:
    live = Lake(hospital).files("measurement")[0]
    # As delta-rs leaves them: cut short, or whole and in no log.
    live.with_name("part-cut.parquet").write_bytes(live.read_bytes()[:100])
    live.with_name("part-whole.parquet").write_bytes(live.read_bytes())
    with Lake(hospital).writing() as writer:
        rewrite(hospital, writer, change(hospital, "p0", None))
    assert not list(hospital.lake.glob("**/part-cut.parquet"))
    assert not list(hospital.lake.glob("**/part-whole.parquet"))
    assert find(hospital.root, traces("p0")) == []


def test_a_snapshot_whose_file_is_lost_keeps_nobody_from_going(hospital: Home) -> None:
    first = min(snapshot.every(hospital), key=lambda one: one.created_at)
    lost = next(pin.path for pin in first.files if (hospital.lake / pin.path) not in live_files(hospital))
    (hospital.lake / lost).unlink()
    with Lake(hospital).writing() as writer:
        assert rewrite(hospital, writer, change(hospital, "p0", None)).rows_left == 0
    assert find(hospital.root, traces("p0")) == []
    with pytest.raises(LakeError, match="gone from the lake"):
        snapshot.connect(hospital, snapshot.load(hospital, first.id))


def live_files(home: Home) -> set[Path]:
    return {path for name in tables.TABLES for path in Lake(home).files(name)}


def test_the_snapshot_without_a_person_answers_like_any(hospital: Home) -> None:
    (first, _) = snapshots(hospital)
    hidden = Pseudonym(digest("p1"))
    with Lake(hospital).writing() as writer:
        rewrite(hospital, writer, change(hospital, "p0", None))
    frozen = snapshot.load(hospital, first)
    assert frozen.persons == 5
    with closing(snapshot.connect(hospital, frozen)) as connection:
        counted = query(connection, "SELECT count(DISTINCT person_id) AS n FROM measurement", seconds=9)
        assert counted["n"].to_pylist() == [5]
    with closing(snapshot.connect(hospital, frozen, without=[hidden])) as connection:
        for name in ("cohort_person", "cohort_series", "person", "study", "image_occurrence", "measurement"):
            shown = query(connection, f"SELECT DISTINCT person_id FROM {name}", seconds=9)
            assert set(shown["person_id"].to_pylist()) == {digest(name) for name in PERSONS[2:]}


def test_a_home_under_any_folder_name(make_home: Callable[..., Home], tmp_path: Path) -> None:
    home = make_home()
    moved = tmp_path / "données" / "a b"
    moved.parent.mkdir()
    home.root.rename(moved)
    home = Home.open(moved)
    fill(home, PERSONS[:2])
    with Lake(home).writing() as writer:
        rewrite(home, writer, change(home, "p0", None))
    assert find(home.root, traces("p0")) == []
    assert content(home).keys() == {digest("p1")}
