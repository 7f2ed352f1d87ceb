"""Two projects' workspaces share no identifier, with one another or with the lake; all else is the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from byte_search import WINDOW, find
from hospital_that_forgets import Hospital, people
from pydicom import dcmread
from workspaces_of_a_site import (
    KEYS,
    built,
    dates,
    granted,
    hospital_with_annotations,
    identifiers,
    rows,
)

from federim.home import Home
from federim.identity.exchange import Exchange
from federim.identity.projects import ProjectSubject
from federim.lake import snapshot
from federim.lake.declaration import Kind
from federim.lake.reader import query
from federim.lake.snapshot_folder import file_sha256
from federim.lake.snapshot_tables import SNAPSHOT_TABLES
from federim.model.identifiers import Pseudonym
from federim_pipelines.workspace.build import ProjectSecrets, build


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    return hospital_with_annotations(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def places(hospital: Hospital, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both projects' workspaces of one snapshot, of all that can be granted."""
    folder = tmp_path_factory.mktemp("workspaces")
    for project in KEYS:
        built(hospital.home, project, folder / project, pixels=True)
    return {project: folder / project for project in KEYS}


def of_the_lake(home: Home, table: str) -> list[dict[str, Any]]:
    """The rows that the snapshot shows."""
    with snapshot.connect(home, snapshot.load(home, "everyone")) as connection:
        return query(connection, f'FROM "{table}"', seconds=60).to_pylist()


def keys(tables: dict[str, list[dict[str, Any]]]) -> set[str]:
    """Every value of the columns that are declared as keys."""
    declared = {name: SNAPSHOT_TABLES[name].columns for name in tables}
    return {
        row[column.name]
        for name, told in tables.items()
        for column in declared[name]
        if column.kind in (Kind.PERSON, Kind.UID)
        for row in told
    } - {None}


def subjects(home: Home, project: str) -> dict[Pseudonym, ProjectSubject]:
    persons = [Pseudonym(row["person_id"]) for row in of_the_lake(home, "cohort_person")]
    with Exchange.open(home) as exchange:
        return exchange.project_subjects(persons, KEYS[project])


def test_no_identifier_of_one_is_in_another_or_in_the_lake(
    hospital: Hospital, places: dict[str, Path]
) -> None:
    found = {"lake": identifiers(hospital.home.root)}
    found |= {project: identifiers(place) for project, place in places.items()}
    shown = {name: of_the_lake(hospital.home, name) for name in SNAPSHOT_TABLES}
    assert keys(shown) <= found["lake"]
    for project, place in places.items():
        # As many as the lake's: none was dropped, and no two were made one.
        own = keys({name: rows(place, name) for name in SNAPSHOT_TABLES})
        assert own <= found[project] and len(own) == len(keys(shown))
        others = set().union(*(ids for name, ids in found.items() if name != project))
        assert not found[project] & others
        assert find(place, sorted(each for each in others if len(each) >= WINDOW)) == []


def test_drawings_are_renamed_where_they_are_used(hospital: Hospital, places: dict[str, Path]) -> None:
    names = set()
    for root in (hospital.home.root, *places.values()):
        [state] = [
            each
            for path in root.glob("objects/**/*.dcm")
            if (each := dcmread(path, stop_before_pixels=True)).Modality == "PR"
        ]
        [layer], [annotation] = state.GraphicLayerSequence, state.GraphicAnnotationSequence
        assert layer.GraphicLayer == annotation.GraphicLayer
        assert len(layer.GraphicLayer) == 16
        names |= {layer.GraphicLayer, state.ContentLabel}
    assert len(names) == 6


def test_each_persons_dates_move_together(hospital: Hospital, places: dict[str, Path]) -> None:
    lake, moves = dates(hospital.home.root), []
    for project, place in places.items():
        told = dates(place)
        for person_id, subject in subjects(hospital.home, project).items():
            moved = {
                (after - before).days
                for before, after in zip(
                    sorted(lake[person_id]), sorted(told[subject.pseudonym]), strict=True
                )
            }
            assert moved == {subject.date_shift_days}
            moves.append(subject.date_shift_days)
    assert len(set(moves)) > len(moves) / 2


def test_nothing_else_changes(hospital: Hospital, places: dict[str, Path]) -> None:
    for place in places.values():
        for name, table in SNAPSHOT_TABLES.items():
            values = [c.name for c in table.columns if c.kind in (Kind.QUASI, Kind.VALUE)]

            def told(found: list[dict[str, Any]], values: list[str] = values) -> Counter[tuple[Any, ...]]:
                return Counter(tuple(row[each] for each in values) for row in found)

            assert told(rows(place, name)) == told(of_the_lake(hospital.home, name)), name
        pixels = [
            sorted(
                dataset.PixelData
                for path in root.glob("objects/**/*.dcm")
                if "PixelData" in (dataset := dcmread(path))
            )
            for root in (place, hospital.home.root)
        ]
        assert pixels[0] == pixels[1] and len(pixels[0]) == 5


def test_what_hangs_together_still_does(places: dict[str, Path]) -> None:
    for place in places.values():
        instances = {row["SOPInstanceUID"]: row for row in rows(place, "instance")}
        for row in rows(place, "instance_file"):
            dataset = dcmread(place / "objects" / row["path"], stop_before_pixels=True)
            same = instances[dataset.SOPInstanceUID]
            assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
            assert (dataset.PatientID, dataset.SeriesInstanceUID) == (
                row["person_id"],
                row["SeriesInstanceUID"],
            )
            assert dataset.StudyInstanceUID == same["StudyInstanceUID"]
            assert row["sha256"] in row["path"]
        [pair] = rows(place, "report_study")
        [report] = rows(place, "report")
        assert pair["report_id"] == report["report_id"]
        assert pair["StudyInstanceUID"] in {row["StudyInstanceUID"] for row in rows(place, "study")}


def test_one_projects_workspace_is_the_same_again(
    hospital: Hospital, places: dict[str, Path], tmp_path: Path
) -> None:
    again = built(hospital.home, "one", tmp_path / "again", pixels=True)
    assert {each.path: each.sha256 for each in again.workspace.files} == {
        path.relative_to(places["one"]).as_posix(): file_sha256(path)
        for path in places["one"].glob("lake/*/*.parquet")
    }


def test_rows_are_in_the_order_of_the_projects_own_keys(places: dict[str, Path]) -> None:
    orders = {}
    for project, place in places.items():
        for name, table in SNAPSHOT_TABLES.items():
            found = rows(place, name)
            assert found == sorted(found, key=lambda row: [str(row[each]) for each in table.sort])
        births = {row["person_id"]: row["year_of_birth"] for row in rows(place, "person")}
        orders[project] = list(births.values())
    assert orders["one"] != orders["two"]
    assert sorted(orders["one"]) == sorted(orders["two"])


def test_only_what_is_granted_is_there(hospital: Hospital, tmp_path: Path) -> None:
    grant = granted(hospital.home, "one")
    tables = {"person": ("year_of_birth",), "measurement": ("measurement_source_value", "measurement_date")}
    only = type(grant)(**{name: getattr(grant, name) for name in grant.__slots__} | {"tables": tables})
    made = build(
        hospital.home,
        only,
        "everyone",
        tmp_path / "one",
        project=ProjectSecrets(key=KEYS["one"]),
        actor="olga",
    )
    found = {path: pq.read_schema(path).names for path in (tmp_path / "one").glob("**/*.parquet")}
    assert sorted(path.parent.name for path in found) == ["measurement", "person"]
    assert sorted(map(sorted, found.values())) == [
        ["measurement_date", "measurement_source_value", "person_id"],
        ["person_id", "year_of_birth"],
    ]
    assert not list((tmp_path / "one" / "objects").iterdir())
    assert made.rows == {"person": len(people()), "measurement": 2 * len(people())}
