"""A definition written as TOML reads back as itself."""

from __future__ import annotations

import pytest
from cohort_definitions import definitions
from hypothesis import given, settings

from federim.lake.definition import parse
from federim.lake.definition_text import to_toml
from federim.model.cohort import (
    CohortDefinition,
    Comparison,
    Condition,
    Op,
    SeriesCriterion,
)
from federim.model.cohort_builder import build
from federim.model.criteria import above, at_least, at_most, condition, measurement, segment, series
from federim.model.errors import InputError, UserError


@settings(max_examples=200, deadline=None)
@given(definition=definitions())
def test_it_reads_back_as_itself(definition: CohortDefinition) -> None:
    read = parse(definition.name, to_toml(definition))
    assert read == definition
    assert read.title == definition.title
    assert read.as_document() == definition.as_document()


def test_it_is_written_as_a_person_would() -> None:
    definition = (
        build("chest")
        .titled("Chest CT")
        .indexed_by("first series")
        .require(
            series(Modality="CT", SliceThickness=(above(0), at_most(2.0))),
            measurement("1988-5", above(10), unit="mg/L", which="last", within_days=30),
        )
        .exclude(condition("C34"), segment(volume_mm3=at_least(1)))
        .definition()
    )
    assert to_toml(definition) == (
        'title = "Chest CT"\n'
        'index = "first series"\n'
        "\n"
        "[[series]]\n"
        'Modality = "CT"\n'
        "SliceThickness = { above = 0, at_most = 2.0 }\n"
        "\n"
        "[[measurement]]\n"
        'code = "1988-5"\n'
        "value = { above = 10 }\n"
        'unit = "mg/L"\n'
        'which = "last"\n'
        "within_days = { before = 30, after = 30 }\n"
        "\n"
        "[[none.condition]]\n"
        'code = "C34"\n'
        "\n"
        "[[none.segment]]\n"
        "volume_mm3 = { at_least = 1 }\n"
    )


def test_where_the_order_of_kinds_matters_it_is_a_tree() -> None:
    definition = CohortDefinition(name="c", criterion=~series(Modality="CT") & series(Modality="MR"))
    text = to_toml(definition)
    assert '[criterion]\nkind = "all"\n' in text
    assert parse("c", text) == definition


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("criterion = 3", "cohort c, criterion: expected a table with a kind"),
        ("[criterion]\nkind = 'some'", "cohort c, criterion, kind: expected person, series"),
        ("[criterion]\nkind = 'not'\nof = []", "criterion: not has 'of' alone, a list of criteria, one"),
        (
            "[criterion]\nkind = 'all'\n[[criterion.of]]\nkind = 'series'\nModality = 3",
            "cohort c, criterion, of 1, Modality: expected text",
        ),
        ("[series]\n[criterion]\nkind = 'series'", "there is no other criterion; found 'series'"),
        ("[[series]]\nKVP = nan", "cohort c, series, KVP: expected a finite number"),
        ("[[series]]\nKVP = { at_least = -inf }", "KVP.at_least: expected a finite number"),
        ("[[measurement]]\ncode = 'a'\nunit = 'x'\nvalue = inf", "value: expected a finite number"),
        ("[[measurement]]\ncode = 'a'\nvalue = 3", "cohort c, measurement: a value needs its unit (UCUM)"),
        ("[[feature]]\ncode = 'a'\nvalue = 3", "cohort c, feature: a value needs its unit (UCUM)"),
        ("[[measurement]]\ncode = 'a'\nunit = 'mg par L'\nvalue = 3", "a UCUM unit has no blank"),
        ("[[feature]]\ncode = 'a'\nvalue_as_number = 3", "column in cohort c, feature"),
        ("[[segment]]\ncategory = 'a'", "no column in cohort c, segment is called 'category'"),
        ("[[condition]]\ncode = 'a'\nwithin_days = { of = 'x' }", "expected a number of days"),
        (
            "[[condition]]\ncode = 'a'\nwithin_days = { before = 1, of = 'x' }",
            "no criterion of cohort c is called 'x'",
        ),
        ("[[drug]]\ncode = 'a'\nwhich = 'closest'", "which = 'closest' needs an index"),
    ],
)
def test_an_error_of_the_new_words_names_the_key(text: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        parse("c", text)
    assert says in str(caught.value)


def test_a_definition_that_no_file_can_say_is_refused() -> None:
    odd = SeriesCriterion(
        (Condition("KVP", Comparison(Op.EQUAL, 1)), Condition("KVP", Comparison(Op.AT_LEAST, 2)))
    )
    with pytest.raises(InputError, match="TOML has no words"):
        to_toml(CohortDefinition(name="c", criterion=odd))
