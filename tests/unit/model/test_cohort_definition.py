"""Cohort definitions as values: combined, compared, checked on creation."""

from __future__ import annotations

import json

import pytest

from federim.model.cohort import AllOf, AnyOf, CohortDefinition, Index, Not, leaves
from federim.model.criteria import above, between, condition, measurement, person, series
from federim.model.errors import InputError

CT, MR, CRP = series(Modality="CT"), series(Modality="MR"), measurement("1988-5", above(10))


def test_operators_build_the_combinations() -> None:
    assert AllOf((CT, MR)) == (CT & MR)
    assert AnyOf((CT, MR)) == (CT | MR)
    assert Not(CT) == ~CT


def test_leaves_come_in_order_each_with_its_side_of_not() -> None:
    assert list(leaves(CT & ~(MR | ~CRP))) == [(CT, False), (MR, True), (CRP, True)]


def test_equal_definitions_have_one_document_whatever_their_title() -> None:
    one = CohortDefinition(name="a", criterion=CT & CRP, index=Index.SERIES, title="one")
    two = CohortDefinition(name="a", criterion=CT & CRP, index=Index.SERIES, title="two")
    assert json.dumps(one.as_document()) == json.dumps(two.as_document())
    other = CohortDefinition(name="a", criterion=CT | CRP, index=Index.SERIES)
    assert other.as_document() != one.as_document()


def test_the_index_is_dated_by_criteria_without_window_or_not() -> None:
    late = series(Modality="CT", within_days=(0, 90))
    definition = CohortDefinition(name="a", criterion=CT & late & ~MR, index=Index.SERIES)
    assert definition.index_criteria == (CT,)
    assert CohortDefinition(name="a", criterion=CT).index_criteria == ()


@pytest.mark.parametrize("name", ["", "Chest", "../chest", "a" * 41, "-a", "chest ct"])
def test_a_name_is_a_short_lower_case_word(name: str) -> None:
    with pytest.raises(InputError, match="lower-case"):
        CohortDefinition(name=name, criterion=CT)


def test_a_window_needs_an_index_and_an_index_a_criterion() -> None:
    with pytest.raises(InputError, match="within_days needs an index"):
        CohortDefinition(name="a", criterion=condition("C34", within_days=30))
    with pytest.raises(InputError, match="needs a condition criterion"):
        CohortDefinition(name="a", criterion=CT & ~condition("C34"), index=Index.CONDITION)


def test_between_is_two_comparisons_of_one_column() -> None:
    (low, high) = person(year_of_birth=between(1940, 1960)).conditions
    assert (low.comparison.value, high.comparison.value) == (1940, 1960)
