"""`federim run`: the imports of a home, told from its lake."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from federim.model.errors import UnknownName

Federim = Callable[..., Result]


@pytest.fixture
def imported(federim: Federim, tmp_path: Path) -> list[str]:
    """Two imports, the first with an empty file; their names, the latest first."""
    patient = {"resourceType": "Patient", "id": "p1", "gender": "male", "birthDate": "1950-01-01"}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "patients.ndjson").write_text(json.dumps(patient))
    (tmp_path / "in" / "1.dcm").touch()
    return [
        json.loads(federim("ingest", tmp_path / "in", "--workers", "1", "--json").stdout)["run"]
        for _ in range(2)
    ][::-1]


def test_imports_are_listed_the_latest_first(federim: Federim, imported: list[str]) -> None:
    told = json.loads(federim("run", "list", "--json").stdout)
    assert [row["run_id"] for row in told["runs"]] == imported
    assert [row["files_accepted"] for row in told["runs"]] == [0, 1]
    assert all(name in federim("run", "list").stdout for name in imported)


def test_an_import_is_shown_with_its_reasons_and_its_proof(federim: Federim, imported: list[str]) -> None:
    told = json.loads(federim("run", "show", imported[1], "--json").stdout)
    assert (told["files_read"], told["files_quarantined"], told["reasons"]) == (2, 1, {"empty": 1})
    assert told["proof"] == {"hits": 0, "found": {}}
    assert "1 empty: the file holds no byte" in federim("run", "show", imported[1]).stdout


def test_the_latest_is_shown_if_none_is_named(federim: Federim, imported: list[str]) -> None:
    assert json.loads(federim("run", "show", "--json").stdout)["run_id"] == imported[0]


def test_a_run_nobody_made_is_unknown(federim: Federim, imported: list[str]) -> None:
    with pytest.raises(UnknownName):
        federim("run", "show", "20200101T000000-00000000")


def test_a_home_without_imports_says_so(federim: Federim) -> None:
    assert "Nothing was imported yet." in federim("run", "list").stdout
