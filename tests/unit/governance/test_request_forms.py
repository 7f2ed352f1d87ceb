"""What a request form must say, and what it may not ask for."""

from __future__ import annotations

import copy
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.governance.documents import digest
from federim.governance.forms import definition_from, read_form
from federim.governance.requests import package_content
from federim.model.errors import InputError, UnknownName
from federim.model.export import AskedColumn, AskedMeasure
from federim.model.workspace import WorkspaceDefinition

FORM: dict[str, Any] = {
    "project": "crp-study",
    "purpose": "scientific-research",
    "question": "Does C-reactive protein differ by gender?",
    "route": "mr-004",
    "reference": "F20260001",
    "snapshots": [{"site": "alpha", "id": "everyone-0123", "sha256": "0" * 64}],
    "tables": [
        {
            "name": "crp",
            "from": "measurement",
            "why": "the main outcome",
            "group_by": ["person.year_of_birth/10"],
            "measures": ["persons", "mean(value_as_number)"],
        },
        {"name": "rows", "from": "person", "why": "to describe", "columns": ["gender_concept_id"]},
    ],
}


WORKSPACE: dict[str, Any] = {
    **FORM,
    "format": "workspace",
    "pixels": True,
    "ends": "2027-06-30",
    "tables": [
        {"from": "measurement", "why": "the main outcome", "columns": ["value_as_number", "unit"]},
        {"from": "person", "why": "to describe", "columns": ["gender_concept_id"]},
    ],
}


def changed(path: str, value: Any, of: dict[str, Any] = FORM) -> dict[str, Any]:
    """The form with one field replaced, or removed where `value` is None."""
    form = copy.deepcopy(of)
    place: Any = form
    *steps, last = path.split(".")
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return form


def test_a_form_says_the_same_again() -> None:
    definition = definition_from(FORM)
    assert definition_from(definition.as_document()) == definition
    assert definition.as_document() == {**FORM, "format": "anonymised"}


def test_a_form_is_toml(tmp_path: Path) -> None:
    (tmp_path / "form.toml").write_text(
        """
project = "crp-study"
purpose = "scientific-research"
question = "Does C-reactive protein differ by gender?"
route = "mr-004"
reference = "F20260001"

[[snapshots]]
site = "alpha"
id = "everyone-0123"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"

[[tables]]
name = "crp"
from = "measurement"
why = "the main outcome"
group_by = ["person.year_of_birth/10"]
measures = ["persons", "mean(value_as_number)"]

[[tables]]
name = "rows"
from = "person"
why = "to describe"
columns = ["gender_concept_id"]
"""
    )
    assert read_form(tmp_path / "form.toml") == definition_from(FORM)


@pytest.mark.parametrize("content", ["project = ", "\0", "project = 'crp'\n[[tables]]\n"])
def test_a_form_that_is_half_there_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "form.toml").write_text(content)
    with pytest.raises(InputError):
        read_form(tmp_path / "form.toml")
    with pytest.raises(InputError, match="No such file"):
        read_form(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("purpose", "promotion", "L.1461-1 V"),
        ("purpose", "insurance", "EHDS, article 54"),
        ("purpose", "scientific-reserch", "did you mean 'scientific-research'"),
        ("format", "pseudonymised", "only 'anonymised' leaves"),
        ("reference", None, "reference"),
        ("reference", " ", "needs the number"),
        ("route", None, "route"),
        ("route", "mr-4", "did you mean 'mr-004'"),
        ("question", "", "question"),
        ("project", "My study", "project"),
        ("snapshots", [], "snapshots"),
        ("tables", [], "tables"),
        ("tables", "crp", r"expected \[\[tables\]\]"),
        ("snapshots.0.sha256", "abc", "64 hexadecimal digits"),
        ("snapshots.0.sha", "abc", "did you mean 'sha256'"),
        ("tables.0.why", None, "why"),
        ("tables.0.why", " ", "a committee will read it"),
        ("tables.0.name", "../crp", "lower-case name"),
        ("tables.0.name", "rows", "no two of one name"),
        ("tables.0.measures", [], "not both|ask for columns"),
        ("tables.0.measures", "rows", "list of texts"),
        ("tables.0.measures", ["max(value_as_number)"], "no measure is called 'max'"),
        ("tables.0.measures", ["mean"], "takes a column"),
        ("tables.0.measures", ["rows(value_as_number)"], "takes no column"),
        ("tables.0.measures", ["rows", "rows"], "same name"),
        ("tables.0.columns", ["value_as_number"], "not both"),
        ("tables.1.columns", ["a; DROP TABLE person"], "expected NAME"),
        ("tables.1.columns", ["year_of_birth/0"], "whole band"),
        ("tables.1.group_by", ["gender_concept_id"], "group_by goes with measures"),
        ("emial", "x", "no field of the request form"),
    ],
)
def test_a_form_that_cannot_be_is_refused_with_the_reason(path: str, value: Any, says: str) -> None:
    with pytest.raises((InputError, UnknownName), match=says):
        definition_from(changed(path, value))


def test_a_form_of_a_workspace_says_the_same_again() -> None:
    definition = definition_from(WORKSPACE)
    assert isinstance(definition, WorkspaceDefinition)
    assert definition_from(definition.as_document()) == definition
    assert definition.as_document() == WORKSPACE
    assert definition.columns == {
        "measurement": ("value_as_number", "unit"),
        "person": ("gender_concept_id",),
    }


def test_a_package_of_an_export_has_the_hash_it_had_before_there_were_workspaces() -> None:
    content = package_content("hub", "2026-001", 1, definition_from(FORM).as_document())
    assert digest(content) == "98275060ca366a72ec1a28be099e47104547f290de927c46721345cd838dbfac"


def test_the_last_day_is_a_day_in_toml(tmp_path: Path) -> None:
    path = tmp_path / "form.toml"
    path.write_text(
        'project = "crp-study"\npurpose = "scientific-research"\nquestion = "Why?"\nroute = "mr-004"\n'
        'reference = "F20260001"\nformat = "workspace"\npixels = false\nends = 2027-06-30\n'
        f'[[snapshots]]\nsite = "alpha"\nid = "everyone-0123"\nsha256 = "{"0" * 64}"\n'
        '[[tables]]\nfrom = "person"\nwhy = "to describe"\ncolumns = ["gender_concept_id"]\n'
    )
    definition = read_form(path)
    assert isinstance(definition, WorkspaceDefinition)
    assert definition.ends == date(2027, 6, 30)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("pixels", None, "true or false for pixels"),
        ("pixels", "yes", "true or false for pixels"),
        ("ends", None, "day for ends"),
        ("ends", "soon", "day for ends"),
        ("ends", datetime(2027, 6, 30, 12), "day for ends"),
        ("format", "workspaces", "asked as 'workspace'"),
        ("format", "anonymised", "no field of the request form"),
        ("tables", [], "tables"),
        ("tables.0.columns", [], "columns of table measurement"),
        ("tables.0.columns", ["unit", "unit"], "no two of one name"),
        ("tables.0.why", " ", "a committee will read it"),
        ("tables.0.name", "crp", "no field of tables of a workspace"),
        ("tables.0.measures", ["rows"], "no field of tables of a workspace"),
        ("tables.0.from", "person", "no two of one name"),
        ("purpose", "insurance", "EHDS, article 54"),
    ],
)
def test_a_form_of_a_workspace_that_cannot_be_is_refused(path: str, value: Any, says: str) -> None:
    with pytest.raises((InputError, UnknownName), match=says):
        definition_from(changed(path, value, WORKSPACE))


@given(st.text(max_size=30))
def test_a_column_or_measure_reads_back_as_it_was_written(text: str) -> None:
    for kind in (AskedColumn, AskedMeasure):
        try:
            asked = kind.parse(text)
        except (InputError, UnknownName):
            continue
        assert str(asked) == text
