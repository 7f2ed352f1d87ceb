"""Cohort definitions in TOML: what they mean, and errors that name the key."""

from __future__ import annotations

import pytest

from federim.home import Home
from federim.lake import cohort
from federim.lake.definition import parse
from federim.model.cohort import (
    AllOf,
    AnyOf,
    Code,
    CohortDefinition,
    ConditionCriterion,
    Criterion,
    Index,
    Not,
)
from federim.model.criteria import (
    above,
    at_least,
    at_most,
    condition,
    measurement,
    person,
    procedure,
    series,
)
from federim.model.errors import InputError, UnknownName, UserError

WHOLE = """
title = "Chest CT with inflammation"
index = "first series"

[[person]]
year_of_birth = { at_most = 1990 }
linked = true

[[series]]
Modality = "CT"
BodyPartExamined = ["CHEST", "THORAX"]
SliceThickness = { above = 0, at_most = 2.0 }
PatientAge = { at_least = 18 }

[[measurement]]
code = "1988-5"
value = { above = 10 }
unit = "mg/L"
which = "last"
within_days = { before = 30 }

[[any.condition]]
code_starts_with = ["C34", "C78"]

[[any.procedure]]
code = "ZBQK002"
system = "CCAM"
within_days = { before = "any", after = 7 }

[[none.condition]]
code = "Z51.5"
"""


def whole() -> CohortDefinition:
    return parse("chest", WHOLE)


def test_toml_and_python_say_the_same() -> None:
    expected: tuple[Criterion, ...] = (
        person(year_of_birth=at_most(1990), linked=True),
        series(
            Modality="CT",
            BodyPartExamined=["CHEST", "THORAX"],
            SliceThickness=(above(0), at_most(2.0)),
            PatientAge=at_least(18),
        ),
        measurement("1988-5", above(10), unit="mg/L", which="last", within_days=(30, 0)),
        AnyOf(
            (
                ConditionCriterion(Code(("C34", "C78"), starts_with=True)),
                procedure("ZBQK002", system="CCAM", within_days=(None, 7)),
            )
        ),
        Not(AnyOf((condition("Z51.5"),))),
    )
    assert whole() == CohortDefinition(
        name="chest", title="Chest CT with inflammation", index=Index.SERIES, criterion=AllOf(expected)
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = ", "cohort c: not valid TOML"),
        ("", "cohort c: expected at least one of person, series"),
        ("[[serie]]\nModality = 'CT'", "no key of cohort c is called 'serie'; did you mean 'series'?"),
        (
            "[[series]]\nModalty = 'CT'",
            "no column in cohort c, series is called 'Modalty'; did you mean 'Modality'?",
        ),
        ("[[series]]\nModality = 3", "cohort c, series, Modality: expected text, in quotes"),
        ("[[series]]\nModality = { above = 'CT' }", "cohort c, series, Modality: text is compared by value"),
        ("[[series]]\nModality = []", "cohort c, series, Modality: expected a list of values"),
        ("[[series]]\nModality = {}", "cohort c, series, Modality: expected one of at_least"),
        ("[[series]]\nKVP = '120'", "cohort c, series, KVP: expected a number"),
        ("[[series]]\nKVP = true", "cohort c, series, KVP: expected a number"),
        (
            "[[series]]\nKVP = { starts_with = '1' }",
            "cohort c, series, KVP: a number does not start with text",
        ),
        ("[[series]]\nKVP = { atleast = 1 }", "did you mean 'at_least'?"),
        ("[[series]]\nKVP = { at_least = [1] }", "cohort c, series, KVP.at_least: expected text, a number"),
        (
            "[[series]]\nSeriesDate = 2021-03-01",
            "cohort c, series, SeriesDate: each person's dates are moved",
        ),
        ("[[person]]\nlinked = 'yes'", "cohort c, person, linked: expected true or false"),
        ("[[measurement]]\nvalue = 3", "cohort c, measurement: expected either code or code_starts_with"),
        ("[[measurement]]\ncode = 1988", "cohort c, measurement, code: expected text"),
        ("[[measurement]]\ncode = 'a'\nunits = 'mg/L'", "no key of cohort c, measurement is called 'units'"),
        (
            "[[measurement]]\ncode = 'a'\nwhich = 'best'",
            "cohort c, measurement, which: expected 'any', 'first', 'last'",
        ),
        ("[[measurement]]\ncode = 'a'\nvalue = 'x'", "cohort c, measurement, value: expected a number"),
        ("[[condition]]\ncode = 'a'\n[[condition]]\ncode = ''", "cohort c, condition 2, code: expected text"),
        (
            "[[condition]]\ncode = 'a'\nwithin_days = 'x'",
            "cohort c, condition, within_days: expected a whole number",
        ),
        ("[[condition]]\ncode = 'a'\nwithin_days = { befor = 3 }", "within_days: expected a number of days"),
        ("[[condition]]\ncode = 'a'\nwithin_days = 30", "cohort c: within_days needs an index"),
        ("index = 'first serie'\n[[series]]\nModality = 'CT'", "cohort c, index: expected 'first series'"),
        ("index = 'first series'\n[[condition]]\ncode = 'a'", "needs a series criterion without within_days"),
        ("index = 'first series'\n[[none.series]]\nModality = 'CT'", "needs a series criterion without"),
        ("series = 'CT'", "cohort c, series: expected a table, written [[series]]"),
        ("any = {}", "cohort c, any: expected at least one of"),
        ("title = 3", "cohort c, title: expected text"),
    ],
)
def test_an_error_names_the_key_and_what_was_expected(text: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        parse("c", text)
    assert says in str(caught.value)


def test_a_definition_made_in_python_is_checked_too() -> None:
    with pytest.raises(UnknownName, match="did you mean 'Modality'"):
        cohort.compile(CohortDefinition(name="c", criterion=series(Modalty="CT")))
    with pytest.raises(InputError, match="KVP: expected a number"):
        cohort.compile(CohortDefinition(name="c", criterion=series(KVP="120")))
    with pytest.raises(InputError, match="expected a number"):
        cohort.compile(CohortDefinition(name="c", criterion=measurement("a", "x")))


def test_it_is_read_from_the_homes_cohorts(site: Home) -> None:
    (site.cohorts / "chest.toml").write_text(WHOLE)
    assert cohort.names(site) == ["chest"]
    assert cohort.load(site, "chest") == whole()
    with pytest.raises(UnknownName, match="did you mean 'chest'"):
        cohort.load(site, "ches")
    with pytest.raises(UnknownName):
        cohort.load(site, "../federim")


def test_a_definition_saved_by_an_editor_in_another_encoding_is_said(site: Home) -> None:
    (site.cohorts / "chest.toml").write_bytes('title = "Scanner thoracique injecté"'.encode("latin-1"))
    with pytest.raises(InputError, match="cohort chest: not valid TOML: its text is not in UTF-8"):
        cohort.load(site, "chest")
