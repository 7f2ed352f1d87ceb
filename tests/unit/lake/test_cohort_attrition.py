"""The flow chart of a cohort: how many each rule leaves, and nothing of a few persons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.home import Home
from federim.lake import attrition, attrition_picture, cohort
from federim.lake.attrition import Left, tellable
from federim.lake.prose import Language
from federim.model.cohort import CohortDefinition
from federim.model.cohort_builder import build
from federim.model.criteria import condition, person, series

CHEST = (
    build("chest")
    .require(person(year_of_birth=1960), series(Modality="CT"))
    .exclude(condition("C34"), condition("J18"))
    .definition()
)


@pytest.fixture
def hospital(site: Home, fill: Callable[..., Any], rows: Any) -> Home:
    """60 persons; 45 born in 1960, 30 of them with two CTs and an MR; 12 have C34, and another one J18."""
    names = [f"p{number}" for number in range(60)]
    fill(
        {
            "person": [
                rows.person(name, year_of_birth=1960 if n < 45 else 1980) for n, name in enumerate(names)
            ],
            "image_occurrence": [
                rows.series(name, 3 * n + part, Modality="MR" if part == 2 else "CT")
                for n, name in enumerate(names[:30], start=1)
                for part in range(3)
            ],
            "condition_occurrence": [
                rows.condition(f"c{n}", name, condition_source_value="C34" if n < 12 else "J18")
                for n, name in enumerate(names[:13])
            ],
        }
    )
    return site


def test_each_rule_leaves_fewer(hospital: Home) -> None:
    found = attrition.of_home(hospital, CHEST)
    # 17 are left after J18 of the 18 before: who is one less is not told, but the end is.
    assert [(step.persons, step.left_out, step.series) for step in found.steps] == [
        (60, None, 60),
        (45, 15, 60),
        (30, 15, 60),
        (None, None, None),
        (17, None, 34),
    ]
    assert [step.rule for step in found.steps][3:] == [
        "excluded: a diagnosis of code “C34”",
        "excluded: a diagnosis of code “J18”",
    ]


def test_the_last_step_is_the_cohort(hospital: Home) -> None:
    members = cohort.members(hospital, CHEST)
    last = attrition.of_home(hospital, CHEST).steps[-1]
    assert (last.persons, last.series) == (members.persons.num_rows, members.series.num_rows)


def test_a_cohort_of_a_few_is_not_counted(hospital: Home) -> None:
    few = CohortDefinition(name="few", criterion=condition("J18"))
    steps = attrition.of_home(hospital, few).steps
    assert [(step.persons, step.series) for step in steps] == [(60, 90), (None, None)]


def test_series_of_a_few_persons_are_not_told_though_the_persons_are(hospital: Home) -> None:
    """50 persons are left of 60: told; but of those with series, 2 fewer."""
    told = attrition.told(
        CohortDefinition(name="c", criterion=condition("x")),
        [Left(60, 30, 90), Left(40, 28, 84)],
        11,
        Language.ENGLISH,
    )
    assert [(step.persons, step.series) for step in told.steps] == [(60, 90), (40, None)]


FALLING = st.lists(st.integers(0, 60), min_size=1, max_size=8).map(lambda found: sorted(found, reverse=True))


@given(counts=FALLING, threshold=st.integers(2, 12))
def test_no_two_counts_that_are_told_differ_by_a_few(counts: list[int], threshold: int) -> None:
    told = tellable(counts, threshold, range(len(counts)))
    for one in told:
        assert counts[one] >= threshold
        assert all(not 0 < abs(counts[one] - counts[other]) < threshold for other in told)
    hidden = set(range(len(counts))) - told
    for step in hidden:  # none is hidden in vain
        assert counts[step] < threshold or any(
            0 < abs(counts[step] - counts[other]) < threshold for other in told
        )


@pytest.mark.parametrize("language", Language)
def test_text_and_picture_tell_the_same(hospital: Home, language: Language) -> None:
    found = attrition.of_home(hospital, CHEST, language)
    text, picture = attrition_picture.as_text(found, language), attrition_picture.as_svg(found, language)
    hidden = {Language.ENGLISH: "not shown", Language.FRENCH: "non communiqué"}[language]
    for said in ("60", "45", "17", "34", hidden, "C34"):
        assert said in text
        assert said in picture
    assert "18" not in text.replace("1980", "").replace("J18", "")
    assert ">18" not in picture


def test_a_picture_shows_what_a_definition_names_as_text() -> None:
    hostile = CohortDefinition(name="c", criterion=condition("<script>&"))
    told = attrition.told(hostile, [Left(60, 0, 0), Left(40, 0, 0)], 11, Language.ENGLISH)
    picture = attrition_picture.as_svg(told)
    assert "<script>" not in picture
    assert "&lt;script&gt;&amp;" in picture
