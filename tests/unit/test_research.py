"""`federim.open`: what a notebook may do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import pandas as pd
import pytest

import federim
from federim.home import Home, Role
from federim.lake import snapshot
from federim.lake.schema import TABLES
from federim.lake.tables import Lake
from federim.model.cohort import CohortDefinition
from federim.model.criteria import above, measurement
from federim.model.errors import HomeError, InputError, QueryRefused, UnknownName
from federim.research import Research

PERSONS = [f"{number:032x}" for number in range(1, 4)]


@pytest.fixture
def hospital(site: Home) -> Home:
    """Three persons whose only result is 10, 20 and 30 mg/L."""
    with Lake(site).writing() as writer:
        writer.commit(
            {
                "person": [
                    {"person_id": person, "site": "alpha", "year_of_birth": 1950} for person in PERSONS
                ],
                "measurement": [
                    {
                        "person_id": person,
                        "measurement_id": person,
                        "measurement_source_value": "1988-5",
                        "measurement_date": date(2021, 3, number),
                        "value_as_number": 10.0 * number,
                        "unit": "mg/L",
                    }
                    for number, person in enumerate(PERSONS, start=1)
                ],
            },
            {},
        )
    (site.cohorts / "high.toml").write_text(
        'title = "High"\n[[measurement]]\ncode = "1988-5"\nvalue = { above = 15 }\nunit = "mg/L"\n'
    )
    return site


@pytest.fixture
def research(hospital: Home) -> Iterator[Research]:
    with federim.open(hospital.root) as opened:
        yield opened


def test_sql_gives_a_frame_with_pandas_own_types(research: Research) -> None:
    frame = research.sql("SELECT person_id, measurement_date, value_as_number FROM measurement ORDER BY 1")
    assert list(frame["value_as_number"]) == [10.0, 20.0, 30.0]
    assert isinstance(frame["person_id"].dtype, pd.StringDtype)
    assert pd.api.types.is_datetime64_dtype(frame["measurement_date"])
    assert frame["measurement_date"].max() == pd.Timestamp("2021-03-03")


def test_sql_does_nothing_but_read(research: Research) -> None:
    with pytest.raises(QueryRefused):
        research.sql("DROP VIEW person")


def test_tables_and_describe_say_what_there_is(research: Research) -> None:
    tables = research.tables().set_index("table")
    assert list(tables.index) == list(TABLES)
    assert tables.loc["measurement", "rows"] == 3
    described = research.describe("measurement").set_index("column")
    assert described.loc["value_as_number", "type"] == "double"
    with pytest.raises(UnknownName, match="did you mean 'measurement'"):
        research.describe("measurements")


def test_a_cohort_is_counted_by_name_or_as_written_in_python(research: Research) -> None:
    assert research.count("high") == {"persons": 2, "series": 0}
    higher = CohortDefinition(name="higher", criterion=measurement("1988-5", above(25), unit="mg/L"))
    assert research.count(higher) == {"persons": 1, "series": 0}


def test_a_cohort_built_in_python_is_said_and_drawn(research: Research) -> None:
    rules = federim.build("higher").require(
        federim.criteria.measurement("1988-5", federim.criteria.above(5), unit="mg/L")
    )
    higher = rules.exclude(federim.criteria.condition("C34.9")).definition()
    assert research.prose(higher, "fr") != research.prose(higher)
    steps = research.attrition(higher, lang="fr")
    assert list(steps.columns) == ["rule", "persons", "left_out", "series"]
    assert len(steps) == 3
    assert steps["persons"].isna().all()  # three persons are too few to tell of
    drawn = research.flow_chart(higher, lang="fr")._repr_svg_()
    assert drawn.startswith("<svg")
    assert "non communiqué" in drawn
    with pytest.raises(InputError, match="'en' or 'fr'"):
        research.attrition("high", lang="de")


def test_steps_of_enough_persons_are_told(research: Research, hospital: Home) -> None:
    with Lake(hospital).writing() as writer:
        writer.commit({"person": [{"person_id": f"{n:032x}", "site": "alpha"} for n in range(50, 90)]}, {})
    with federim.open(hospital.root) as opened:
        everybody = federim.build("all").require(federim.criteria.person(site="alpha")).definition()
        assert list(opened.attrition(everybody)["persons"]) == [43, 43]
        assert list(opened.attrition(everybody)["left_out"][1:]) == [0]


def test_one_cohort_that_is_refused_hides_no_other(research: Research, hospital: Home) -> None:
    (hospital.cohorts / "old.toml").write_text('[[measurement]]\ncode = "1988-5"\nvalue = 10\n')
    listed = research.cohorts().set_index("cohort")
    assert listed.loc["high", "title"] == "High"
    assert "unit" in listed.loc["old", "error"]


def test_a_statement_over_a_snapshot_has_an_end(hospital: Home, research: Research) -> None:
    """The engine's own, whoever gives the statement to the connection."""
    snapshot.freeze(hospital, "high")
    most = (hospital.settings.query_seconds + 1) * 1_000
    with research.snapshot("high") as cohort:
        told = cohort.sql("SELECT value FROM duckdb_settings() WHERE name = 'max_execution_time'")
    assert [int(value) for value in told["value"]] == [most]


def test_a_snapshot_has_the_same_methods_over_the_cohort_alone(hospital: Home, research: Research) -> None:
    frozen = snapshot.freeze(hospital, "high")
    assert list(research.cohorts()["snapshots"]) == [[frozen.id]]
    with research.snapshot("high") as cohort:
        assert cohort.snapshot == frozen
        assert list(cohort.sql("SELECT person_id FROM measurement ORDER BY 1")["person_id"]) == PERSONS[1:]
        assert cohort.tables().set_index("table").loc["cohort_person", "rows"] == 2
        assert list(cohort.describe("cohort_person")["column"]) == ["person_id", "index_date"]
    with pytest.raises(UnknownName):
        research.snapshot("low")


def test_the_home_may_come_from_the_environment(hospital: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDERIM_HOME", str(hospital.root))
    with federim.open() as opened:
        assert len(opened.sql("FROM person")) == 3


def test_an_empty_workspace_opens_and_a_hub_does_not(make_home: Callable[..., Home]) -> None:
    with federim.open(make_home("work", Role.WORKSPACE).root) as opened:
        assert opened.sql("FROM person").empty
        assert opened.cohorts().empty
    with pytest.raises(HomeError, match="hub"):
        federim.open(make_home("hub", Role.HUB).root)
