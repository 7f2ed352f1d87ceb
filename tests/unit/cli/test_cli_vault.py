"""`federim vault`: looked after from the command line, in numbers alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from federim.audit.trail import events
from federim.home import Home
from federim.identity.exchange import Exchange
from federim.identity.vault.places import place_of
from federim.model.errors import IdentityError, InputError
from federim.model.identifiers import Ipp, LocalId, PatientIdentity

Federim = Callable[..., Result]


def patient(number: int) -> PatientIdentity:
    return PatientIdentity(local=(LocalId(issuer="", value=Ipp(f"SECRET-{number}")),))


@pytest.fixture
def known(site: Home) -> Home:
    """A site that knows three patients."""
    with Exchange.open(site) as exchange:
        exchange.learn_many([patient(number) for number in range(3)])
    return site


@pytest.mark.usefixtures("known")
def test_a_vault_is_described_and_checked(federim: Federim) -> None:
    assert "3 persons, 0 of them linked" in federim("vault", "info").stdout
    told = json.loads(federim("vault", "info", "--json").stdout)
    assert (told["place"], told["rows"]["identifier"], told["key_from"]) == (
        "vault/identities.sqlite3",
        3,
        "keys/vault.key",
    )
    assert "whole" in federim("vault", "check").stdout
    assert json.loads(federim("vault", "check", "--json").stdout)["ok"]


def test_a_changed_row_ends_the_check_with_its_exit_code(federim: Federim, known: Home) -> None:
    database = place_of(known).open()
    database.run("UPDATE identifier SET value = issuer")
    database.close()
    result = federim("vault", "check")
    assert result.exit_code == IdentityError.exit_code
    assert "3 rows of identifier do not open" in result.stdout


def test_a_vault_is_backed_up_restored_and_put_under_a_new_key(
    federim: Federim, known: Home, tmp_path: Path
) -> None:
    backup = tmp_path / "vault.backup"
    made = json.loads(federim("vault", "backup", backup, "--as", "alice", "--json").stdout)
    assert made["persons"] == 3
    key = json.loads(federim("vault", "info", "--json").stdout)["key"]
    assert f'"key": "{key}' in backup.read_bytes().split(b"\n", 1)[0].decode()
    with pytest.raises(InputError, match="exists"):
        federim("vault", "backup", backup)
    with pytest.raises(IdentityError, match="--replace"):
        federim("vault", "restore", backup)
    restored = json.loads(federim("vault", "restore", backup, "--replace", "--json").stdout)
    assert restored == {name: value for name, value in made.items() if name != "file"}
    assert "make a backup" in federim("vault", "rotate-key").stdout
    assert json.loads(federim("vault", "info", "--json").stdout)["key"] != key
    with Exchange.open(known) as exchange:
        assert exchange.find(patient(2)) is not None
    told = [(event.actor, event.act) for event in events(known)]
    assert told == [
        ("operator", "vault.rotate-key"),
        ("operator", "vault.restore"),
        ("alice", "vault.backup"),
    ]


@pytest.mark.usefixtures("known")
def test_no_command_shows_an_identifier(federim: Federim, tmp_path: Path) -> None:
    shown = [
        federim("vault", *words).output
        for words in (
            ("info",),
            ("check",),
            ("backup", tmp_path / "copy"),
            ("restore", tmp_path / "copy", "--replace"),
            ("rotate-key",),
        )
    ]
    assert not any("SECRET" in each for each in shown)


def test_there_is_nothing_to_look_after_before_the_first_patient(federim: Federim, tmp_path: Path) -> None:
    for words in (("info",), ("check",), ("backup", tmp_path / "copy"), ("rotate-key",)):
        with pytest.raises(IdentityError, match="there is no vault"):
            federim("vault", *words)
    with pytest.raises(InputError, match="cannot be read"):
        federim("vault", "restore", tmp_path / "copy")
