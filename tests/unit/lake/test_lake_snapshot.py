"""A snapshot: the same for the same data, restricted to its cohort, and never changed unnoticed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from federim.audit import trail
from federim.home import Home
from federim.lake import snapshot
from federim.lake.reader import query
from federim.lake.tables import Lake
from federim.model.errors import LakeError, UnknownName, VerificationFailed

CHEST = """
title = "Chest CT"
index = "first series"

[[series]]
Modality = "CT"
"""


@pytest.fixture
def hospital(site: Home, fill: Callable[..., Any], rows: Any) -> Home:
    """P1 has a CT and an MR, P2 an MR alone; both have results, diagnoses and instances."""
    (site.cohorts / "chest.toml").write_text(CHEST)
    series = [
        rows.series("p1", 1, StudyInstanceUID="2.25.1", SeriesDate=date(2021, 3, 1)),
        rows.series("p1", 2, StudyInstanceUID="2.25.2", Modality="MR"),
        rows.series("p2", 3, StudyInstanceUID="2.25.3", Modality="MR"),
    ]
    instances = [
        {
            **{
                name: one[name]
                for name in ("person_id", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID")
            },
            "SOPInstanceUID": f"2.25.{100 + number}",
            "TransferSyntaxUID": "1.2.840.10008.1.2.1",
        }
        for number, one in enumerate(series)
    ]
    fill(
        {
            "person": [rows.person("p1"), rows.person("p2")],
            "study": [rows.study("p1", 1), rows.study("p1", 2), rows.study("p2", 3)],
            "image_occurrence": series,
            "instance": instances,
            "measurement": [rows.measurement("p1", "m1"), rows.measurement("p2", "m2")],
            "image_feature": [
                {
                    "person_id": rows.person("p1")["person_id"],
                    "image_feature_id": rows.measurement("p1", f"f{number}")["measurement_id"],
                    "feature_source_value": "volume",
                    "SeriesInstanceUID": uid,
                }
                for number, uid in enumerate(["2.25.1", "2.25.2", None])
            ],
            "quarantine": [rows.quarantine()],
        }
    )
    return site


def counts(home: Home, frozen: snapshot.Snapshot) -> dict[str, int]:
    with snapshot.connect(home, frozen) as connection:
        return {
            name: query(connection, f"SELECT count(*) AS n FROM {name}", seconds=30)["n"][0].as_py()
            for name in ("person", "study", "image_occurrence", "instance", "measurement", "image_feature")
        }


def test_it_pins_every_file_with_its_hash_and_rows(hospital: Home) -> None:
    frozen = snapshot.freeze(hospital, "chest")
    assert (frozen.persons, frozen.series, frozen.cohort) == (1, 1, "chest")
    assert frozen.id == f"chest-{frozen.sha256[:12]}"
    lake = Lake(hospital)
    live = {path.relative_to(hospital.lake).as_posix() for path in lake.files("measurement")}
    assert {file.path for file in frozen.files if file.table == "measurement"} == live
    assert sum(file.rows for file in frozen.files if file.table == "measurement") == 2
    assert {file.table for file in frozen.files}.isdisjoint({"quarantine", "run"})


def test_the_views_keep_the_cohorts_series_and_persons_alone(hospital: Home) -> None:
    frozen = snapshot.freeze(hospital, "chest")
    assert counts(hospital, frozen) == {
        "person": 1,
        "study": 1,
        "image_occurrence": 1,
        "instance": 1,
        "measurement": 1,
        "image_feature": 2,  # of the cohort's series, and of none in particular
    }
    with snapshot.connect(hospital, frozen) as connection:
        members = query(
            connection, "SELECT * FROM cohort_person JOIN cohort_series USING (person_id)", seconds=9
        )
        assert members["index_date"].to_pylist() == [date(2021, 3, 1)]
        assert members["SeriesInstanceUID"].to_pylist() == ["2.25.1"]
        with pytest.raises(UnknownName):
            query(connection, "SELECT * FROM quarantine", seconds=9)


def test_freezing_the_same_again_gives_the_same_snapshot(hospital: Home) -> None:
    first, again = snapshot.freeze(hospital, "chest"), snapshot.freeze(hospital, "chest")
    assert first == again
    assert [path.name for path in hospital.snapshots.iterdir()] == [first.id]


def test_a_title_changes_nothing_and_a_criterion_everything(hospital: Home) -> None:
    first = snapshot.freeze(hospital, "chest")
    (hospital.cohorts / "chest.toml").write_text(CHEST.replace("Chest CT", "Thorax"))
    assert snapshot.freeze(hospital, "chest").id == first.id
    (hospital.cohorts / "chest.toml").write_text(CHEST.replace('"CT"', '"MR"'))
    assert snapshot.freeze(hospital, "chest").id != first.id


def test_a_snapshot_keeps_its_answer_while_the_lake_goes_on(
    hospital: Home, fill: Callable[..., Any], rows: Any
) -> None:
    frozen = snapshot.freeze(hospital, "chest")
    before = counts(hospital, frozen)
    fill(
        {
            "image_occurrence": [rows.series("p1", 1, SizeBytes=5), rows.series("p1", 9)],
            "measurement": [rows.measurement("p1", "m3")],
        }
    )
    assert counts(hospital, frozen) == before
    later = snapshot.freeze(hospital, "chest")
    assert later.id != frozen.id
    assert counts(hospital, later)["measurement"] == 2


def test_it_is_found_by_id_by_its_beginning_and_by_cohort(
    hospital: Home, fill: Callable[..., Any], rows: Any
) -> None:
    first = snapshot.freeze(hospital, "chest")
    fill({"measurement": [rows.measurement("p1", "m3")]})
    second = snapshot.freeze(hospital, "chest")
    assert snapshot.load(hospital, first.id) == first
    assert snapshot.load(hospital, first.id[:10]) == first
    assert snapshot.load(hospital, "chest") == max((first, second), key=lambda one: one.created_at)
    with pytest.raises(UnknownName, match="did you mean 'chest'"):
        snapshot.load(hospital, "chets")


def test_an_unknown_cohort_suggests_the_nearest(hospital: Home) -> None:
    with pytest.raises(UnknownName, match="did you mean 'chest'"):
        snapshot.freeze(hospital, "chets")


def test_its_files_are_read_only(hospital: Home) -> None:
    frozen = snapshot.freeze(hospital, "chest")
    files = list((hospital.snapshots / frozen.id).iterdir())
    assert {path.name for path in files} == {
        "snapshot.json",
        "cohort_person.parquet",
        "cohort_series.parquet",
    }
    assert {path.stat().st_mode & 0o777 for path in files} == {0o400}


@pytest.mark.parametrize("name", ["snapshot.json", "cohort_person.parquet", "cohort_series.parquet"])
def test_a_changed_file_is_noticed(hospital: Home, name: str) -> None:
    frozen = snapshot.freeze(hospital, "chest")
    path = hospital.snapshots / frozen.id / name
    path.chmod(0o600)
    if name == "snapshot.json":
        document = json.loads(path.read_text())
        path.write_text(json.dumps({**document, "persons": 999}))
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(VerificationFailed, match=name):
        snapshot.load(hospital, frozen.id)


def test_a_pinned_file_that_is_gone_is_said(hospital: Home) -> None:
    frozen = snapshot.freeze(hospital, "chest")
    (hospital.lake / frozen.files[0].path).unlink()
    with pytest.raises(LakeError, match="1 of its files are gone"):
        snapshot.connect(hospital, frozen)


@pytest.mark.parametrize("table", ["person", "measurement"])
def test_one_flipped_byte_of_a_pinned_file_is_found_and_the_file_named(hospital: Home, table: str) -> None:
    frozen = snapshot.freeze(hospital, "chest")
    assert snapshot.verify(hospital, frozen) == frozen
    pinned = next(file for file in frozen.files if file.table == table)
    path = hospital.lake / pinned.path
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(VerificationFailed, match=re.escape(pinned.path)):
        snapshot.verify(hospital, frozen)


def test_verifying_says_that_a_pinned_file_is_gone(hospital: Home) -> None:
    frozen = snapshot.freeze(hospital, "chest")
    (hospital.lake / frozen.files[0].path).unlink()
    with pytest.raises(LakeError, match="1 of its files are gone"):
        snapshot.verify(hospital, frozen)


def test_freezing_leaves_an_event(hospital: Home) -> None:
    frozen = snapshot.freeze(hospital, "chest", actor="officer")
    (event,) = trail.events(hospital, act="cohort.freeze")
    assert event.actor == "officer"
    assert event.detail == {"snapshot": frozen.id, "persons": frozen.persons, "series": frozen.series}
