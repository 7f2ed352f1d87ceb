"""Whatever the definition and the data, DuckDB and plain Python give the same cohort."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from naive_cohort import Cohort
from spec_tables import complete, in_duckdb, in_python, lake_of, pseudonym

from federim.lake import attrition
from federim.lake.compiler import compile, rules
from federim.model.cohort import AllOf, AnyOf, CohortDefinition, Criterion, Index, Not, Which, Window
from federim.model.criteria import (
    above,
    at_least,
    at_most,
    below,
    between,
    condition,
    drug,
    feature,
    measurement,
    person,
    procedure,
    segment,
    series,
    starts_with,
)

PERSONS = st.sampled_from(["P1", "P2"]).map(pseudonym)
DAYS = st.none() | st.integers(0, 5).map(lambda day: date(2021, 3, 1) + timedelta(day))
VALUES = st.none() | st.sampled_from([0.0, 1.0, 2.5, 4.0])
CODES = st.sampled_from(["A", "A", "A1", "B"])
UNITS = st.sampled_from(["mg/L", "mg/L", "mg/L", "g/L"])
KEPT = UNITS | UNITS | st.none()
SERIES = st.integers(1, 6).map(lambda number: f"2.25.{number}")


def rows(name: str, **columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """None, some, and some of them twice."""
    drawn = st.lists(st.fixed_dictionaries({"person_id": PERSONS, **columns}), max_size=8)
    completed = drawn.map(
        lambda found: [complete(name, number, row) for number, row in enumerate(found, start=1)]
    )
    return st.tuples(completed, st.integers(0, 2)).map(lambda both: [*both[0], *both[0][: both[1]]])


@st.composite
def clinical_tables(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    years = st.none() | st.sampled_from([1940, 1960, 1980])
    persons = draw(st.sets(PERSONS, min_size=1))
    studies = st.integers(1, 3).map(lambda study: f"2.25.{study}")
    return {
        "person": [
            complete("person", 0, {"person_id": one, "year_of_birth": draw(years)}) for one in sorted(persons)
        ],
        "study": [
            complete(
                "study",
                n,
                {
                    "person_id": pseudonym("P1"),
                    "PatientAge": draw(st.none() | st.integers(10, 30)),
                    "StudyDate": draw(DAYS),
                },
            )
            for n in range(1, draw(st.integers(0, 3)) + 1)
        ],
        "image_occurrence": draw(
            rows(
                "image_occurrence",
                Modality=st.sampled_from(["CT", "MR"]),
                SliceThickness=VALUES,
                SeriesDate=DAYS,
                StudyInstanceUID=studies,
            )
        ),
        "measurement": draw(
            rows(
                "measurement",
                measurement_source_value=CODES,
                measurement_date=DAYS,
                measurement_datetime=st.none()
                | st.integers(0, 3).map(lambda hour: datetime(2021, 3, 1, hour)),
                value_as_number=VALUES,
                unit=KEPT,
            )
        ),
        "drug_exposure": draw(rows("drug_exposure", drug_source_value=CODES, drug_exposure_start_date=DAYS)),
        "volume_geometry": [
            complete("volume_geometry", n, {"person_id": pseudonym("P1"), "regular": draw(st.booleans())})
            for n in range(1, draw(st.integers(0, 4)) + 1)
        ],
        "image_feature": draw(
            rows(
                "image_feature",
                feature_source_value=CODES,
                value_as_number=VALUES,
                unit_source_value=KEPT,
                finding_site_source_value=st.none() | CODES,
                SeriesInstanceUID=st.none() | SERIES,
                StudyInstanceUID=st.none() | studies,
            )
        ),
        "segment": draw(
            rows(
                "segment",
                category_code=st.none() | CODES,
                volume_mm3=VALUES,
                source_SeriesInstanceUID=st.none() | SERIES,
            )
        ),
        "condition_occurrence": draw(
            rows("condition_occurrence", condition_source_value=CODES, condition_start_date=DAYS)
        ),
        "procedure_occurrence": draw(
            rows("procedure_occurrence", procedure_source_value=CODES, procedure_date=DAYS)
        ),
    }


NUMBERS = st.builds(
    lambda compare, value: compare(value),
    st.sampled_from([above, at_least, below, at_most]),
    st.sampled_from([1, 2.5]),
) | st.just(between(1, 2.5))
SIDES = st.none() | st.integers(-2, 4)
WINDOW = st.builds(Window, SIDES, SIDES, st.sampled_from(["", "", "mark"]))
WINDOWS = st.none() | WINDOW
CODED = CODES | st.lists(CODES, min_size=1, max_size=2) | CODES.map(starts_with)
WHICH = st.sampled_from(Which)
CHOSEN = st.sampled_from([Which.FIRST, Which.LAST, Which.CLOSEST])
MG = st.just("mg/L")
# First what goes wrong most easily: Hypothesis draws the first alternatives most often.
LEAVES: st.SearchStrategy[Criterion] = st.one_of(
    st.builds(measurement, code=st.just("A"), value=NUMBERS, unit=MG, which=CHOSEN, within_days=WINDOWS),
    st.builds(
        measurement, code=st.just(["A", "B"]), value=NUMBERS, unit=UNITS, which=CHOSEN, within_days=WINDOW
    ),
    st.builds(measurement, code=CODED, value=NUMBERS, unit=UNITS | st.just("none"), within_days=WINDOWS),
    st.builds(measurement, code=CODES, unit=UNITS | st.just(""), which=WHICH, within_days=WINDOWS),
    st.builds(
        series,
        Modality=st.sampled_from(["CT", ["CT", "MR"], starts_with("M")]),
        which=WHICH,
        within_days=WINDOWS,
    ),
    st.builds(series, SliceThickness=NUMBERS, within_days=WINDOWS),
    st.builds(series, regular=st.booleans(), which=WHICH, within_days=WINDOWS),
    st.builds(series, PatientAge=st.sampled_from([at_least(18), below(18)]), within_days=WINDOWS),
    st.builds(condition, code=CODED, which=WHICH, within_days=WINDOWS),
    st.builds(procedure, code=CODED, which=WHICH, within_days=WINDOWS),
    st.builds(drug, code=CODED, which=WHICH, within_days=WINDOWS),
    st.builds(feature, code=CODED, value=NUMBERS, unit=UNITS, which=WHICH, within_days=WINDOWS),
    st.builds(feature, code=CODES, finding_site_source_value=CODES, which=WHICH, within_days=WINDOWS),
    st.builds(segment, category_code=CODES, volume_mm3=NUMBERS, which=WHICH, within_days=WINDOWS),
    st.builds(person, year_of_birth=st.sampled_from([at_most(1960), above(1950), 1980])),
)
# What windows around `mark` are around.
MARKS: st.SearchStrategy[Criterion] = st.one_of(
    st.builds(condition, code=CODED, which=st.sampled_from([Which.ANY, Which.LAST]), called=st.just("mark")),
    st.builds(series, Modality=st.just("CT"), called=st.just("mark")),
    st.builds(segment, called=st.just("mark")),
    st.builds(feature, code=CODES, called=st.just("mark")),
    st.builds(
        measurement, code=CODES, value=NUMBERS, unit=MG, which=st.just("first"), called=st.just("mark")
    ),
)
CRITERIA = st.recursive(
    LEAVES,
    lambda inner: (
        inner.map(Not)
        | st.lists(inner, min_size=1, max_size=3)
        .map(tuple)
        .flatmap(lambda parts: st.sampled_from([AllOf(parts), AnyOf(parts)]))
    ),
    max_leaves=5,
)


STARTS: dict[Index, Criterion] = {
    Index.SERIES: series(),
    Index.MEASUREMENT: measurement(["A", "B"]),
    Index.CONDITION: condition(starts_with("A")),
    Index.PROCEDURE: procedure(["A", "B"]),
}


PLAIN: st.SearchStrategy[Criterion] = st.one_of(
    st.builds(measurement, code=CODED, value=NUMBERS, unit=UNITS),
    st.builds(condition, code=CODED, which=st.sampled_from([Which.FIRST, Which.LAST])),
    st.builds(feature, code=CODED, value=NUMBERS, unit=UNITS),
    st.builds(segment, within_days=st.builds(Window, SIDES, SIDES, st.just("mark")), which=WHICH),
)


@st.composite
def cohort_definitions(draw: st.DrawFn) -> CohortDefinition:
    """Most have an index event that most persons have, so that windows have something to refer to."""
    index = draw(st.sampled_from(Index) | st.sampled_from(Index) | st.none())
    mark, criterion = draw(MARKS), draw(PLAIN if index is None else LEAVES | CRITERIA)
    found = mark & criterion if draw(st.booleans()) else mark | ~criterion
    return CohortDefinition(name="any", criterion=STARTS[index] & found if index else found, index=index)


@settings(max_examples=60, deadline=None)
@given(tables=clinical_tables(), definitions=st.lists(cohort_definitions(), min_size=4, max_size=6))
def test_duckdb_agrees_with_plain_python(
    tmp_path_factory: Any, tables: dict[str, list[dict[str, Any]]], definitions: list[CohortDefinition]
) -> None:
    folder = tmp_path_factory.mktemp("lake")
    assert in_duckdb(folder, tables, *definitions) == in_python(tables, *definitions)


@settings(max_examples=30, deadline=None)
@given(tables=clinical_tables(), definitions=st.lists(cohort_definitions(), min_size=3, max_size=5))
def test_what_each_rule_leaves_agrees_too(
    tmp_path_factory: Any, tables: dict[str, list[dict[str, Any]]], definitions: list[CohortDefinition]
) -> None:
    with lake_of(tmp_path_factory.mktemp("lake"), tables) as connection:
        for definition in definitions:
            plain, steps = Cohort(tables, definition), rules(definition)
            if plain.refused(definition):
                continue
            left = attrition.count(connection, compile(definition), len(steps), seconds=30)
            assert [(one.persons, one.imaged, one.series) for one in left] == plain.left(steps)
            assert left[-1].persons == len(plain.persons)
            assert left[-1].series == len(plain.series)
