"""The command line's front door: homes made, names suggested, errors in one line, bugs without values."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from federim import __version__
from federim.cli import main
from federim.model.errors import UnknownName

FEDERIM = Path(sys.executable).with_name("federim")


def federim(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([FEDERIM, *words], capture_output=True, text=True, check=False)


def test_a_home_is_made_and_told_of(tmp_path: Path) -> None:
    done = federim("init", tmp_path / "home", "--role", "site", "--name", "chu-nord", "--json")
    told = json.loads(done.stdout)
    assert (told["role"], told["name"], len(told["public_key"])) == ("site", "chu-nord", 64)
    again = federim("init", tmp_path / "home", "--role", "site", "--name", "chu-nord")
    assert again.returncode == 3
    assert len(again.stderr.strip().splitlines()) == 1


def test_an_unknown_command_suggests_the_nearest() -> None:
    done = federim("quarantin")
    assert done.returncode == 2
    assert "Did you mean 'quarantine'?" in done.stderr


def test_the_version_is_the_packages() -> None:
    assert federim("--version").stdout == f"federim {__version__}\n"


def test_sites_that_share_a_key_file_link(tmp_path: Path) -> None:
    key = tmp_path / "oprf.key"
    assert federim("keyserver", "--generate-key", key).returncode == 0
    assert federim("keyserver", "--generate-key", key).returncode == 8  # a key is never replaced
    words = ["--role", "site", "--name", "alpha", "--key-server", f"embedded:{key}"]
    assert federim("init", tmp_path / "alpha", *words).returncode == 0
    assert f'key_server = "embedded:{key}"' in (tmp_path / "alpha" / "federim.toml").read_text()


def test_trust_is_added_and_listed(tmp_path: Path) -> None:
    federim("init", tmp_path / "hub", "--role", "hub", "--name", "hub")
    federim("--home", tmp_path / "hub", "trust", "add", "alpha", "ab" * 32)
    told = json.loads(federim("--home", tmp_path / "hub", "trust", "list", "--json").stdout)
    assert told["trusted"]["alpha"] == "ab" * 32
    assert set(told["trusted"]) == {"alpha", "hub"}


def test_a_bug_shows_its_place_and_no_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ValueError("invalid literal: 'DUPONT 1 85 05 78 006 084 36'")

    monkeypatch.setattr(main, "app", broken)
    with pytest.raises(SystemExit) as ended:
        main.run()
    said = capsys.readouterr().err
    assert ended.value.code == 70
    assert "ValueError at test_cli_front_door.py" in said
    assert "DUPONT" not in said


def test_no_warning_of_a_library_is_shown_as_it_may_quote_a_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "app", lambda: warnings.warn("Invalid value for VR PN: 'DUPONT'", stacklevel=1))
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == 0
    assert capsys.readouterr().err == ""


def test_an_unknown_name_lists_what_there_is_where_nothing_is_near() -> None:
    assert str(UnknownName("table", "persn", ["person", "study"])) == (
        "no table is called 'persn'; did you mean 'person'?"
    )
    assert str(UnknownName("table", "zzz", ["study", "person"])).endswith("known: person, study")
    assert str(UnknownName("cohort", "x", [])).endswith("there is no cohort yet")
