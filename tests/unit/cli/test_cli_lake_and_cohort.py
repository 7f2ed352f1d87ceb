"""`federim lake`, `sql` and `cohort`, as a tired person and a program see them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from federim.cli.main import app
from federim.home import Home, Role
from federim.lake.definition import parse
from federim.lake.schema import TABLES
from federim.lake.tables import Lake
from federim.model.errors import HomeError, InputError, QueryRefused, UnknownName

Federim = Callable[..., Result]
PERSONS = [f"{number:032x}" for number in range(1, 4)]
CHEST = """
title = "Chest CT"
index = "first series"

[[series]]
Modality = "CT"
"""


@pytest.fixture
def hospital(site: Home) -> Home:
    """Three persons; the first two have a CT."""
    with Lake(site).writing() as writer:
        writer.commit(
            {
                "person": [{"person_id": person, "site": "alpha"} for person in PERSONS],
                "image_occurrence": [
                    {
                        "person_id": person,
                        "StudyInstanceUID": f"2.25.{number}",
                        "SeriesInstanceUID": f"2.25.{number}",
                        "Modality": "CT" if number < 3 else "MR",
                        "SeriesDate": date(2021, 3, number),
                        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
                        "NumberOfInstances": 2,
                        "SizeBytes": 10,
                    }
                    for number, person in enumerate(PERSONS, start=1)
                ],
            },
            {},
        )
    (site.cohorts / "chest.toml").write_text(CHEST)
    return site


@pytest.fixture
def federim(hospital: Home) -> Federim:
    """Run a command on the site."""

    def run(*words: str | Path) -> Result:
        result = CliRunner().invoke(app, ["--home", str(hospital.root), *map(str, words)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def told(result: Result) -> Any:
    return json.loads(result.stdout)


def test_lake_tables_counts_every_table(federim: Federim) -> None:
    counts = told(federim("lake", "tables", "--json"))
    assert list(counts) == list(TABLES)
    assert {name: rows for name, rows in counts.items() if rows} == {"person": 3, "image_occurrence": 3}
    assert "person" in federim("lake", "tables").stdout


def test_lake_dictionary_is_the_schemas(federim: Federim) -> None:
    columns = told(federim("lake", "dictionary", "--json"))["columns"]
    assert {row["table"] for row in columns} == set(TABLES)
    assert federim("lake", "dictionary").stdout.startswith("# Data dictionary")


def test_sql_gives_columns_and_rows(federim: Federim) -> None:
    query = (
        'SELECT "Modality", count(*) AS n, max("SeriesDate") AS last FROM image_occurrence '
        "GROUP BY ALL ORDER BY ALL"
    )
    assert told(federim("sql", query, "--json")) == {
        "columns": ["Modality", "n", "last"],
        "rows": [["CT", 2, "2021-03-02"], ["MR", 1, "2021-03-03"]],
        "truncated": False,
    }
    assert "2 rows" in federim("sql", query).stdout


def test_sql_says_when_rows_were_left_out(federim: Federim) -> None:
    answer = told(federim("sql", "SELECT * FROM range(5)", "--limit", "2", "--json"))
    assert (answer["rows"], answer["truncated"]) == ([[0], [1]], True)
    assert "2 of 5 rows" in federim("sql", "SELECT * FROM range(5)", "--limit", "2").stdout


def test_sql_prints_a_value_as_it_is(federim: Federim) -> None:
    assert "[red]x[/red]" in federim("sql", "SELECT '[red]x[/red]' AS v").stdout


def test_sql_refuses_to_write_and_to_read_elsewhere(federim: Federim, tmp_path: Path) -> None:
    with pytest.raises(QueryRefused):
        federim("sql", f"COPY person TO '{tmp_path}/out.csv'")
    with pytest.raises(QueryRefused):
        federim("sql", "SELECT * FROM read_text('/etc/passwd')")
    assert not (tmp_path / "out.csv").exists()


def test_a_cohort_is_counted_shown_and_frozen(federim: Federim) -> None:
    assert told(federim("cohort", "count", "chest", "--json")) == {
        "cohort": "chest",
        "persons": 2,
        "series": 2,
    }
    frozen = told(federim("cohort", "freeze", "chest", "--json"))
    counts = {"persons": 2, "series": 2, "held_series": 2}
    assert frozen.items() >= {**counts, "snapshot": f"chest-{frozen['sha256'][:12]}"}.items()
    (listed,) = told(federim("cohort", "list", "--json"))["cohorts"]
    assert listed == {"cohort": "chest", "title": "Chest CT", "snapshots": [frozen["snapshot"]]}
    assert frozen["snapshot"] in federim("cohort", "list").stdout
    assert "2 series may show a face" in federim("cohort", "freeze", "chest").stdout
    assert "a series of images (modality: “CT”)" in federim("cohort", "show", "chest").stdout
    assert "au moins une série d’images" in federim("cohort", "show", "chest", "--lang", "fr").stdout
    shown = told(federim("cohort", "show", "chest", "--toml", "--json"))
    assert parse("chest", shown["toml"]).as_document() == {
        key: shown[key] for key in ("name", "index", "criterion")
    }


def test_the_attrition_of_a_few_persons_is_not_told(federim: Federim, tmp_path: Path) -> None:
    picture = tmp_path / "flow.svg"
    drawn = told(federim("cohort", "attrition", "chest", "--picture", str(picture), "--json"))
    assert drawn["threshold"] == 11
    assert [(step["persons"], step["series"]) for step in drawn["steps"]] == [(None, None)] * 2
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    assert "non communiqué" in federim("cohort", "attrition", "chest", "--lang", "fr").stdout
    with pytest.raises(InputError, match="cannot be written"):
        federim("cohort", "attrition", "chest", "--picture", str(tmp_path / "no" / "flow.svg"))


def test_sql_reads_a_snapshot_by_the_cohorts_name(federim: Federim) -> None:
    federim("cohort", "freeze", "chest")
    rows = told(federim("sql", "SELECT * FROM cohort_person", "--snapshot", "chest", "--json"))["rows"]
    assert rows == [[PERSONS[0], "2021-03-01"], [PERSONS[1], "2021-03-02"]]


def test_the_sql_of_a_cohort_is_shown_with_its_parameters(federim: Federim) -> None:
    compiled = told(federim("cohort", "sql", "chest", "--json"))
    assert compiled["parameters"] == {"c1_value_1": "CT"}
    for shown in (
        federim("cohort", "sql", "chest").stdout,
        federim("cohort", "count", "chest", "--sql").stdout,
    ):
        assert compiled["sql"] in shown
        assert "-- $c1_value_1 = 'CT'" in shown


def test_an_unknown_name_suggests_the_nearest(federim: Federim) -> None:
    with pytest.raises(UnknownName, match="did you mean 'chest'"):
        federim("cohort", "count", "chets")
    with pytest.raises(UnknownName, match="did you mean 'person'"):
        federim("sql", "SELECT * FROM persons")


def test_a_home_without_cohorts_says_where_to_write_one(make_home: Callable[..., Home]) -> None:
    home = make_home("beta")
    said = CliRunner().invoke(app, ["--home", str(home.root), "cohort", "list"]).stdout
    assert f"{home.cohorts}/NAME.toml" in said


def test_a_hub_holds_no_lake(make_home: Callable[..., Home]) -> None:
    result = CliRunner().invoke(app, ["--home", str(make_home("hub", Role.HUB).root), "lake", "tables"])
    assert isinstance(result.exception, HomeError)
