"""The disclosure report: k-anonymity, small cells, columns that never leave, earlier releases."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any
from xml.etree import ElementTree

import pytest

from federim.governance.assessment import examine_here
from federim.governance.disclosure import Examined, check_columns
from federim.governance.forms import definition_from
from federim.governance.release import release
from federim.lake.declaration import Kind
from federim.lake.schema import TABLES
from federim.model.errors import DisclosureRisk, InputError, UnknownName
from federim.model.export import ExportDefinition

CRP = {"name": "crp", "from": "measurement", "why": "the main outcome"}
PERSONS = {"name": "persons", "from": "person", "why": "to describe the cohort"}


def asking(*tables: dict[str, Any]) -> ExportDefinition:
    return definition_from(
        {
            "project": "crp-study",
            "purpose": "statistics",
            "question": "?",
            "route": "eds",
            "reference": "1",
            "snapshots": [{"site": "alpha", "id": "everyone", "sha256": "0" * 64}],
            "tables": list(tables),
        }
    )


def examined(centre: Any, *tables: dict[str, Any]) -> Examined:
    return examine_here(centre.home, centre.definition(*tables), "p" * 64)


NEVER = [
    (table.name, column.name)
    for table in TABLES.values()
    if table.person
    for column in table.columns
    if column.kind in (Kind.PERSON, Kind.UID, Kind.DATE, Kind.OPERATION)
]


@pytest.mark.parametrize(("table", "column"), NEVER)
def test_pseudonyms_uids_dates_and_bookkeeping_never_leave(table: str, column: str) -> None:
    for asked in (
        {**CRP, "from": table, "columns": [column]},
        {**CRP, "from": table, "group_by": [column], "measures": ["persons"]},
        {**CRP, "from": table, "measures": [f"mean({column})"]},
    ):
        with pytest.raises(DisclosureRisk, match=column):
            check_columns(asking(asked))


@pytest.mark.parametrize("table", ["quarantine", "run"])
def test_the_houses_own_tables_never_leave(table: str) -> None:
    with pytest.raises(DisclosureRisk, match="bookkeeping"):
        check_columns(asking({**CRP, "from": table, "measures": ["rows"]}))


@pytest.mark.parametrize(
    "asked",
    [
        {**CRP, "columns": ["unit_source_value/5"]},
        {**CRP, "measures": ["mean(unit_source_value)"]},
        {**CRP, "group_by": ["person.year_of_birth"] * 1 + list("abcd"), "measures": ["rows"]},
    ],
)
def test_what_makes_no_sense_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises((InputError, UnknownName)):
        check_columns(asking(asked))


def test_one_column_has_one_band() -> None:
    def by(name: str, band: int) -> dict[str, Any]:
        return {**PERSONS, "name": name, "group_by": [f"year_of_birth/{band}"], "measures": ["persons"]}

    check_columns(asking(by("a", 10), by("b", 10)))
    with pytest.raises(InputError, match="one band"):
        check_columns(asking(by("a", 10), by("b", 7)))


def test_an_unknown_column_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="value_as_number"):
        check_columns(asking({**CRP, "measures": ["mean(value_as_numbr)"]}))


def test_a_group_shows_its_persons_and_means(centre: Any) -> None:
    asked = {**CRP, "group_by": ["person.gender_concept_id"], "measures": ["rows", "persons"]}
    found = examined(centre, asked)
    assert found.report.acceptable
    assert found.tables["crp"].to_pylist() == [
        {"gender_concept_id": 8507, "rows": 40, "persons": 20, "suppressed": False},
        {"gender_concept_id": 8532, "rows": 120, "persons": 60, "suppressed": False},
    ]


def test_small_groups_and_those_that_give_them_away_are_hidden(centre: Any) -> None:
    # 80 persons, four a year from 1950: bands of three years hold 8 or 12.
    asked = {**PERSONS, "group_by": ["year_of_birth/3"], "measures": ["persons"]}
    found = examined(centre, asked)
    (table,) = found.report.tables
    assert table.hidden_small >= 1
    assert all((row["persons"] is None) == row["suppressed"] for row in found.tables["persons"].to_pylist())
    assert min(filter(None, found.tables["persons"]["persons"].to_pylist())) >= 11
    assert f"{table.hidden_small} hidden with fewer than 11 persons" in found.report.as_text()


def test_a_table_of_small_groups_alone_is_refused(centre: Any) -> None:
    found = examined(centre, {**PERSONS, "group_by": ["year_of_birth"], "measures": ["persons"]})
    assert found.report.refusals == ["persons: no group of it has 11 persons"]


def test_rows_leave_where_many_are_alike(centre: Any) -> None:
    found = examined(centre, {**PERSONS, "columns": ["gender_concept_id", "year_of_birth/50"]})
    assert found.report.acceptable
    assert found.report.tables[0].smallest == 20
    table = found.tables["persons"]
    assert table.num_rows == 80
    assert table.equals(table.sort_by([("gender_concept_id", "ascending"), ("year_of_birth", "ascending")]))


def test_rows_of_people_neighbours_could_tell_are_refused(centre: Any) -> None:
    found = examined(centre, {**PERSONS, "columns": ["gender_concept_id", "year_of_birth"]})
    assert not found.report.acceptable
    assert "40 of 40 combinations" in found.report.refusals[0]
    assert "persons" not in found.tables


def test_rows_of_values_that_single_someone_out_are_refused(centre: Any) -> None:
    found = examined(centre, {**CRP, "columns": ["person.gender_concept_id", "value_as_number"]})
    (table,) = found.report.tables
    assert table.smallest == 20
    assert "different rows are shared by fewer than 11 persons" in found.report.refusals[0]
    assert "crp" not in found.tables


def test_a_cohort_of_too_few_is_refused_and_its_size_not_told(centre: Any) -> None:
    few = centre.refrozen("few", born_from=1968)
    found = examined(few, {**PERSONS, "measures": ["persons"]})
    assert few.frozen.persons == 8
    assert found.report.persons is None
    assert "the cohort has fewer than 11 persons" in found.report.refusals
    assert '"persons": null' in json.dumps(found.report.as_document())
    assert "8" not in found.report.as_text().replace(few.frozen.id, "").replace("1988", "")


def test_a_cohort_a_few_persons_off_an_earlier_release_is_refused(centre: Any) -> None:
    release(centre.home, "olga", centre.decided(), today=centre.today)
    near, far = centre.refrozen("near", born_from=1951), centre.refrozen("far", born_from=1955)
    assert near.frozen.persons == 76
    assert "differs by fewer than 11 persons" in examined(near).report.refusals[0]
    assert examined(far).report.acceptable
    elsewhere = centre.refrozen("near", born_from=1951)
    report = examine_here(centre.home, elsewhere.definition(project="another"), "p" * 64).report
    assert report.acceptable


def test_a_report_is_frozen_and_its_picture_is_well_formed(centre: Any) -> None:
    found = examined(centre, {**PERSONS, "group_by": ["year_of_birth/3"], "measures": ["persons"]})
    with pytest.raises(FrozenInstanceError):
        found.report.site = "beta"  # type: ignore[misc]
    picture = ElementTree.fromstring(found.report.as_svg())
    widths = [float(bar.attrib["width"]) for bar in picture.iter("{http://www.w3.org/2000/svg}rect")]
    assert sum(widths) == pytest.approx(420, abs=0.3)


def test_a_threshold_the_home_raised_counts(centre: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDERIM_SMALL_CELL", "25")
    raised = type(centre.home).open(centre.home.root)
    found = examine_here(raised, centre.definition(), "p" * 64)
    assert found.report.threshold == 25
    assert found.report.tables[0].hidden_small == 1
