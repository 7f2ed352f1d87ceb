"""What a committee signs: whole, in good English and French, and never the same for two definitions."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from cohort_definitions import LEAVES, definitions
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from federim.lake.prose import SPEECH, Language, describe
from federim.lake.prose.words import Words
from federim.lake.vocabulary import COLUMNS
from federim.model.cohort import NO_UNIT, CohortDefinition, Criterion, Index
from federim.model.cohort.document import document
from federim.model.cohort_builder import build
from federim.model.criteria import (
    above,
    at_least,
    at_most,
    between,
    condition,
    days,
    drug,
    feature,
    measurement,
    person,
    segment,
    series,
    starts_with,
)

WHOLE = (
    build("nodules")
    .titled("Nodules pulmonaires")
    .indexed_by(Index.SERIES)
    .require(
        person(gender_concept_id=8532),
        series(
            Modality="CT",
            Manufacturer=["SIEMENS", "GE"],
            ConvolutionKernel=starts_with("B"),
            SliceThickness=between(0.5, 2),
            regular=True,
        ),
        measurement(
            "1988-5",
            above(10.5),
            unit="mg/L",
            system="http://loinc.org",
            which="closest",
            within_days=(30, 0),
            called="crp",
        ),
        drug(starts_with("V08"), within_days=days(before=1, after=None, of="crp")),
    )
    .require_any(
        feature("volume", at_least(100), unit="mm3", finding_site_source_value="39607008"),
        segment(category_code="49755003", volume_mm3=at_most(5000)),
    )
    .exclude(condition("Z51.5", within_days=(None, -1)), measurement("9269-2", 15, unit=NO_UNIT))
    .definition()
)


@pytest.mark.parametrize("language", Language)
def test_what_a_committee_reads(language: Language, snapshot: SnapshotAssertion) -> None:
    assert describe(WHOLE, language).replace("\N{NO-BREAK SPACE}", " ") == snapshot


@settings(max_examples=300, deadline=None)
@given(one=definitions(), other=definitions(), language=st.sampled_from(Language))
def test_different_definitions_never_read_alike(
    one: CohortDefinition, other: CohortDefinition, language: Language
) -> None:
    if one.as_document() != other.as_document():
        assert describe(one, language) != describe(other, language)


@settings(max_examples=500, deadline=None)
@given(data=st.data(), one=LEAVES, language=st.sampled_from(Language))
def test_a_criterion_changed_in_one_part_reads_otherwise(
    data: st.DataObject, one: Criterion, language: Language
) -> None:
    """Another criterion of the kind gives one of its parts to a copy of the first."""
    other = data.draw(LEAVES.filter(lambda leaf: type(leaf) is type(one)))
    part = data.draw(st.sampled_from([field.name for field in fields(one)]))
    changed = replace(one, **{part: getattr(other, part)})
    if document(changed) != document(one):
        assert SPEECH[language].sentence(changed) != SPEECH[language].sentence(one)


ONE_STEP_APART = [
    condition("A"),
    condition("A", which="first"),
    condition("A", which="closest"),
    condition("A", called="x"),
    condition("A", system="LOINC"),
    condition("A", system="http://loinc.org"),
    condition(["A", "B"]),
    condition("A” or “B"),
    condition(starts_with("A")),
    condition("A", within_days=0),
    condition("A", within_days=1),
    condition("A", within_days=(-1, 1)),
    condition("A", within_days=(1, None)),
    condition("A", within_days=(None, 1)),
    condition("A", within_days=(None, None)),
    drug("A"),
    measurement("A"),
    measurement("A", unit="mg/L"),
    measurement("A", unit="“mg/L”"),
    measurement("A", unit=NO_UNIT),
    measurement("A", 1, unit=NO_UNIT),
    measurement("A", 1, unit="mg/L"),
    measurement("A", [1], unit="mg/L"),
    measurement("A", [1, 2], unit="mg/L"),
    measurement("A", between(1, 2), unit="mg/L"),
    measurement("A", at_least(1), unit="mg/L"),
    measurement("A", above(1), unit="mg/L"),
    series(),
    series(Rows=1),
    series(Columns=1),
    series(regular=True),
    series(regular=False),
    series(Modality="1"),
    ~condition("A"),
    ~(condition("A") | condition("B")),
    condition("A") | condition("B"),
    condition("A") & condition("B"),
    ~(condition("A") & condition("B")),
]


@pytest.mark.parametrize("language", Language)
def test_every_part_of_a_criterion_is_heard(language: Language) -> None:
    said = {SPEECH[language].rule(criterion) for criterion in ONE_STEP_APART}
    assert len(said) == len(ONE_STEP_APART)


@pytest.mark.parametrize("language", Language)
def test_every_column_has_words_of_its_own(language: Language) -> None:
    words: Words = SPEECH[language].words
    for columns in COLUMNS.values():
        said = [words.columns.get(column, column) for column in columns]
        assert len(set(said)) == len(said)
    known = {name for columns in COLUMNS.values() for name in columns}
    assert words.columns.keys() <= known


def test_the_two_languages_have_words_for_the_same_things() -> None:
    english, french = (SPEECH[language].words for language in Language)
    for part in ("columns", "units", "values", "systems", "events", "index", "comparisons"):
        assert getattr(english, part).keys() == getattr(french, part).keys()
