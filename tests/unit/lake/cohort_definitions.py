"""Cohort definitions of every kind, drawn by Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

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

# What a sentence could be torn apart or made alike by.
AWKWARD = [
    "A",
    "B",
    "A or B",
    "”",
    "» ou «",
    "“A”",
    "\\",
    "\n- x",
    ", no later than day 0",
    "mark",
    "é",
    "\x7f",
]
TEXTS = st.sampled_from(AWKWARD) | st.text(max_size=3)
NUMBERS = st.sampled_from([0, 1, 2, 1.5, 10.0, -1, 1e22, 1e-7]) | st.floats(
    allow_nan=False, allow_infinity=False
)
COMPARED = (
    NUMBERS
    | st.lists(NUMBERS, min_size=1, max_size=3)
    | st.builds(
        lambda compare, value: compare(value), st.sampled_from([above, at_least, below, at_most]), NUMBERS
    )
    | st.builds(between, NUMBERS, NUMBERS)
)
WORDS = TEXTS | st.lists(TEXTS, min_size=1, max_size=3) | TEXTS.map(starts_with)
CODES = st.text(min_size=1, max_size=3) | st.sampled_from(AWKWARD)
CODED = CODES | st.lists(CODES, min_size=1, max_size=3) | CODES.map(starts_with)
SYSTEMS = st.sampled_from(["", "http://loinc.org", "LOINC", "CIM-10"])
UNITS = st.sampled_from(["mg/L", "g/L", "none", "10*9/L", "%", "{x”y}", "[IU]/L"])
SIDES = st.none() | st.integers(-40, 40)
WINDOWS = st.none() | st.builds(Window, SIDES, SIDES, st.sampled_from(["", "mark"]))
DATED: dict[str, Any] = {"which": st.sampled_from(Which), "within_days": WINDOWS}
BEGUN = {"code": CODED, "system": SYSTEMS, **DATED}

LEAVES: st.SearchStrategy[Criterion] = st.one_of(
    st.builds(person, year_of_birth=COMPARED, linked=st.booleans()),
    st.builds(person, gender_concept_id=COMPARED),
    st.builds(series, Modality=WORDS, SliceThickness=COMPARED, **DATED),
    st.builds(series, ConvolutionKernel=WORDS, Manufacturer=WORDS, regular=st.booleans(), **DATED),
    st.builds(series, **DATED),
    st.builds(measurement, value=st.none() | COMPARED, unit=UNITS, **BEGUN),
    st.builds(measurement, **BEGUN),
    st.builds(condition, **BEGUN),
    st.builds(procedure, **BEGUN),
    st.builds(drug, **BEGUN),
    st.builds(feature, value=st.none() | COMPARED, unit=UNITS, derivation_source_value=WORDS, **BEGUN),
    st.builds(segment, category_code=WORDS, volume_mm3=COMPARED, **DATED),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        inner.map(Not)
        | st.lists(inner, min_size=1, max_size=3)
        .map(tuple)
        .flatmap(lambda parts: st.sampled_from([AllOf(parts), AnyOf(parts), Not(AnyOf(parts))]))
    ),
    max_leaves=6,
)
MARKS = st.builds(condition, code=CODES, called=st.just("mark")) | st.builds(
    segment, category_code=TEXTS, called=st.just("mark")
)


@st.composite
def definitions(draw: st.DrawFn) -> CohortDefinition:
    """Definitions with an index, and with a criterion that windows may be around."""
    criterion = AllOf((series(Modality="CT"), draw(MARKS), *draw(st.lists(TREES, min_size=1, max_size=3))))
    return CohortDefinition(
        name="any",
        criterion=draw(st.sampled_from([criterion, AnyOf((criterion,))])),
        index=Index.SERIES,
        title=draw(st.sampled_from(["", "Scanner thoracique « injecté »"])),
    )
