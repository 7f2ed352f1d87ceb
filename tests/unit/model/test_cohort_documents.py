"""What a definition's hash is made of: what was written before version 2 keeps its own."""

from __future__ import annotations

import hashlib
import math

import pytest

from federim.keys import canonical
from federim.model.cohort import AllOf, AnyOf, CohortDefinition, Index, Not, Which
from federim.model.cohort_builder import build
from federim.model.criteria import (
    above,
    at_least,
    at_most,
    between,
    condition,
    days,
    drug,
    measurement,
    person,
    procedure,
    series,
    starts_with,
)
from federim.model.errors import InputError, UnknownName

CHEST = CohortDefinition(
    name="chest",
    index=Index.SERIES,
    criterion=AllOf(
        (
            series(Modality="CT", SliceThickness=at_most(2.0), PatientAge=at_least(18)),
            measurement("1988-5", above(10), unit="mg/L", which="last", within_days=(30, 0)),
            Not(AnyOf((condition(starts_with("C34")),))),
        )
    ),
)
EVERY_KIND = CohortDefinition(
    name="every",
    index=Index.CONDITION,
    criterion=(
        person(year_of_birth=between(1940, 1960), linked=True)
        | ~series(Modality=["CT", "MR"], within_days=(None, -1))
    )
    & condition("C34.1", system="CIM-10")
    & procedure(["ZBQK002", "ZZQK001"], within_days=7),
)


@pytest.mark.parametrize(
    ("definition", "sha256"),
    [
        (CHEST, "fe953001b0f18074bc6e436fc888788a70a0a1d6e75ae17da7f450d1e10a900b"),
        (EVERY_KIND, "fe767fd2dd6ae7f7f684e56c9b7f54bb1fa8b9e0a2f4f79034ac8162e48014ca"),
    ],
)
def test_a_definition_of_version_1_keeps_its_hash(definition: CohortDefinition, sha256: str) -> None:
    assert hashlib.sha256(canonical(definition.as_document())).hexdigest() == sha256


def test_whatever_version_2_says_is_in_the_document() -> None:
    plain = condition("C34")
    for other in (
        condition("C34", which="first"),
        condition("C34", called="cancer"),
        drug("C34"),
    ):
        one, two = (CohortDefinition(name="a", criterion=each) for each in (plain, other))
        assert one.as_document() != two.as_document()
    around = [
        CohortDefinition(
            name="a",
            criterion=condition("C34", called="x") & drug("V08", within_days=window),
            index=Index.CONDITION,
        ).as_document()
        for window in (days(before=3), days(before=3, of="x"))
    ]
    assert around[0] != around[1]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_value_is_infinite_or_none_at_all(value: float) -> None:
    for compare in (above, at_least, at_most, lambda given: between(0, given)):
        with pytest.raises(InputError, match="finite"):
            compare(value)
    with pytest.raises(InputError, match="finite"):
        series(SliceThickness=[1.0, value])


def test_windows_lead_to_criteria_that_are_there_and_not_in_a_circle() -> None:
    ct = series(Modality="CT", called="ct")
    CohortDefinition(name="a", criterion=ct & drug("V08", within_days=days(of="ct")))
    with pytest.raises(UnknownName, match="did you mean 'ct'"):
        CohortDefinition(name="a", criterion=ct & drug("V08", within_days=days(of="tc")))
    with pytest.raises(InputError, match="dated by itself"):
        CohortDefinition(
            name="a",
            criterion=drug("V08", called="x", within_days=days(of="y"))
            & condition("C34", called="y", within_days=days(of="x")),
        )
    with pytest.raises(InputError, match="two criteria are called 'ct'"):
        CohortDefinition(name="a", criterion=ct & drug("V08", called="ct"))
    with pytest.raises(InputError, match="is called by"):
        CohortDefinition(name="a", criterion=drug("V08", called="Contrast Medium"))


def test_the_closest_needs_something_to_be_close_to() -> None:
    closest = measurement("1988-5", which="closest")
    with pytest.raises(InputError, match="'closest' needs an index"):
        CohortDefinition(name="a", criterion=closest)
    with pytest.raises(InputError, match="needs a measurement criterion"):
        CohortDefinition(name="a", criterion=closest, index=Index.MEASUREMENT)
    CohortDefinition(name="a", criterion=series() & closest, index=Index.SERIES)


def test_a_builder_says_the_same_as_the_criteria_it_is_given() -> None:
    common = build("chest").indexed_by("first series").titled("Chest")
    built = (
        common.require(series(Modality="CT", SliceThickness=at_most(2.0), PatientAge=at_least(18)))
        .require(measurement("1988-5", above(10), unit="mg/L", which=Which.LAST, within_days=(30, 0)))
        .exclude(condition(starts_with("C34")))
        .definition()
    )
    assert built.as_document() == CHEST.as_document()
    assert built.title == "Chest"
    assert common.rules == ()
    with pytest.raises(InputError, match="index: expected 'first series'"):
        build("chest").indexed_by("first scan")
