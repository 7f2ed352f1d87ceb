"""`federim ingest` and `federim quarantine`, as a tired person and a program see them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from federim.model.errors import InputError, UnknownName

Federim = Callable[..., Result]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A patient, a broken line, an empty file and one nobody reads."""
    inbox = tmp_path / "Martin" / "inbox"
    inbox.mkdir(parents=True)
    patient = {"resourceType": "Patient", "id": "p1", "gender": "male", "birthDate": "1950-01-01"}
    (inbox / "patients.ndjson").write_text(f"{json.dumps(patient)}\n{{broken\n")
    (inbox / "Martin.dcm").touch()
    (inbox / "table.csv").write_text("a,b\n")
    return inbox


def test_ingest_reports_as_json(federim: Federim, inbox: Path) -> None:
    told = json.loads(federim("ingest", inbox, "--workers", "1", "--json").stdout)
    assert {name: told[name] for name in ("read", "accepted", "duplicates", "quarantined", "rows")} == {
        "read": 3,
        "accepted": 1,
        "duplicates": 0,
        "quarantined": 2,
        "rows": {"person": 1, "quarantine": 3},
    }
    assert told["reasons"] == {"empty": 1, "not-supported": 1, "unreadable": 1}


def test_ingest_reports_in_words(federim: Federim, inbox: Path) -> None:
    told = federim("ingest", inbox, "--workers", "1").stdout
    assert "3 files read" in told
    assert "1 empty: the file holds no byte" in told
    assert "1 CSV that no mapping covers" in told
    assert "1 person" in told
    assert "Martin" not in told
    again = federim("ingest", inbox, "--workers", "1").stdout
    assert "1 duplicates" in again
    assert "No row added." in again


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["nowhere"], InputError),
        ([".", "--policy", "basik"], UnknownName),
        ([".", "--mapping", "none.toml"], InputError),
    ],
)
def test_ingest_says_what_is_wrong_before_it_reads(
    federim: Federim, inbox: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], error: type[Exception]
) -> None:
    monkeypatch.chdir(inbox)
    with pytest.raises(error):
        federim("ingest", *words)


def test_quarantine_counts_without_a_path(federim: Federim, inbox: Path) -> None:
    federim("ingest", inbox, "--workers", "1")
    told = json.loads(federim("quarantine", "list", "--json").stdout)
    assert told["reasons"] == {"empty": 1, "not-supported": 1, "unreadable": 1}
    assert len(told["rows"]) == 3
    for shown in (json.dumps(told), federim("quarantine", "list").stdout):
        assert "Martin" not in shown
        assert "inbox" not in shown


def test_quarantine_of_one_run(federim: Federim, inbox: Path) -> None:
    run = json.loads(federim("ingest", inbox, "--workers", "1", "--json").stdout)["run"]
    assert len(json.loads(federim("quarantine", "list", "--run", run, "--json").stdout)["rows"]) == 3
    assert federim("quarantine", "list", "--run", "another").stdout.strip() == "Nothing is in quarantine."


def test_locate_finds_the_files_again_wherever_they_were_moved(
    federim: Federim, inbox: Path, tmp_path: Path
) -> None:
    federim("ingest", inbox, "--workers", "1")
    moved = tmp_path / "elsewhere" / "inbox"
    moved.parent.mkdir()
    inbox.rename(moved)
    (moved / "Martin.dcm").write_text("no longer empty")
    found = json.loads(federim("quarantine", "locate", moved, "--json").stdout)["files"]
    assert [(Path(each["path"]).name, each["position"], each["reason"], each["same"]) for each in found] == [
        ("Martin.dcm", None, "empty", False),
        ("patients.ndjson", 2, "unreadable", True),
        ("table.csv", None, "not-supported", True),
    ]
    told = federim("quarantine", "locate", moved).stdout
    assert f"{moved / 'patients.ndjson'}, row 2\n    the file cannot be read as what it claims to be" in told
    assert "Martin.dcm (the file has changed since)" in told


def test_locate_has_nothing_to_say_of_other_files(federim: Federim, inbox: Path, tmp_path: Path) -> None:
    federim("ingest", inbox, "--workers", "1")
    other = tmp_path / "other"
    other.mkdir()
    (other / "Martin.dcm").touch()
    assert federim("quarantine", "locate", other).stdout.strip() == "None of these files is in quarantine."


def test_ctrl_c_says_what_stays_and_how_to_go_on(
    federim: Federim, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("federim_pipelines.run.ingest", interrupted)
    stopped = federim("ingest", inbox, "--workers", "1", "--json")
    assert stopped.exit_code == 130
    assert stopped.stdout == ""
    assert "what was committed stays, and the same command again does the rest" in stopped.stderr
    monkeypatch.undo()
    assert json.loads(federim("ingest", inbox, "--workers", "1", "--json").stdout)["accepted"] == 1
