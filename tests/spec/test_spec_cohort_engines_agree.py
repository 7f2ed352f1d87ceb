"""Whatever the definition and the data, DuckDB and plain Python give the same cohort."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import given, reject, settings
from hypothesis import strategies as st
from spec_tables import complete, in_duckdb, in_python, pseudonym

from federim.model.cohort import AllOf, AnyOf, CohortDefinition, Criterion, Index, Not, Which
from federim.model.criteria import (
    above,
    at_least,
    at_most,
    below,
    between,
    condition,
    measurement,
    person,
    procedure,
    series,
    starts_with,
)
from federim.model.errors import InputError

PERSONS = st.sampled_from(["P1", "P2"]).map(pseudonym)
DAYS = st.none() | st.integers(0, 5).map(lambda day: date(2021, 3, 1) + timedelta(day))
VALUES = st.none() | st.sampled_from([0.0, 1.0, 2.5, 4.0])
CODES = st.sampled_from(["A", "A", "A1", "B"])
UNITS = st.sampled_from(["mg/L", "g/L"])


def rows(name: str, **columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    drawn = st.lists(st.fixed_dictionaries({"person_id": PERSONS, **columns}), min_size=3, max_size=8)
    return drawn.map(lambda found: [complete(name, number, row) for number, row in enumerate(found, start=1)])


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
                {"person_id": pseudonym("P1"), "PatientAge": draw(st.none() | st.integers(10, 30))},
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
                unit=UNITS,
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
WINDOWS = st.none() | st.tuples(SIDES, SIDES)
CODED = CODES | st.lists(CODES, min_size=1, max_size=2) | CODES.map(starts_with)
WINDOW = st.tuples(SIDES, SIDES)
ONE_RESULT = st.sampled_from([Which.FIRST, Which.LAST])
# First what goes wrong most easily: Hypothesis draws the first alternatives most often.
LEAVES: st.SearchStrategy[Criterion] = st.one_of(
    st.builds(measurement, code=st.just("A"), value=NUMBERS, which=ONE_RESULT),
    st.builds(measurement, code=st.just(["A", "B"]), value=NUMBERS, which=ONE_RESULT, within_days=WINDOW),
    st.builds(measurement, code=CODES, value=st.none() | NUMBERS, unit=UNITS, within_days=WINDOWS),
    st.builds(series, Modality=st.sampled_from(["CT", ["CT", "MR"], starts_with("M")]), within_days=WINDOW),
    st.builds(series, SliceThickness=NUMBERS, within_days=WINDOWS),
    st.builds(series, PatientAge=st.sampled_from([at_least(18), below(18)]), within_days=WINDOWS),
    st.builds(condition, code=CODED, within_days=WINDOWS),
    st.builds(procedure, code=CODED, within_days=WINDOWS),
    st.builds(person, year_of_birth=st.sampled_from([at_most(1960), above(1950), 1980])),
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


@st.composite
def cohort_definitions(draw: st.DrawFn) -> CohortDefinition:
    """Most have an index event that most persons have, so that windows have something to refer to."""
    index = draw(st.none() | st.sampled_from(Index) | st.sampled_from(Index))
    criterion = draw(LEAVES | CRITERIA)
    try:
        return CohortDefinition(
            name="any", criterion=STARTS[index] & criterion if index else criterion, index=index
        )
    except InputError:
        reject()


@settings(max_examples=60, deadline=None)
@given(tables=clinical_tables(), definitions=st.lists(cohort_definitions(), min_size=4, max_size=6))
def test_duckdb_agrees_with_plain_python(
    tmp_path_factory: Any, tables: dict[str, list[dict[str, Any]]], definitions: list[CohortDefinition]
) -> None:
    folder = tmp_path_factory.mktemp("lake")
    assert in_duckdb(folder, tables, *definitions) == in_python(tables, *definitions)
