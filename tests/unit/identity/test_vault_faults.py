"""A vault that is damaged, held, open to others or missing is told of in one line, and stays as it is."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from federim.home import Home
from federim.identity import custody
from federim.identity.exchange import Exchange
from federim.identity.vault.places import place_of
from federim.identity.vault.vault import Vault
from federim.model.errors import HomeError, IdentityError
from federim.model.identifiers import PatientIdentity

Build = Callable[..., PatientIdentity]
PERSON = "5ec2e75ec2e75ec2e75ec2e75ec2e7ff"


@pytest.fixture
def home(make_site: Callable[..., Home], patient: Build) -> Home:
    """A site whose vault knows fifty patients."""
    made = make_site()
    with Exchange.open(made) as exchange:
        exchange.learn_many([patient(f"IPP-{number}", matricule=None) for number in range(50)])
    return made


def file_of(home: Home) -> Path:
    return home.vault / "identities.sqlite3"


def files_of(home: Home) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.vault.iterdir()}


def copy(_rows: int) -> None:
    """No progress is shown."""


@pytest.mark.parametrize("kept", [0, 1, 15, 100, 4096, 20_000])
def test_a_truncated_file_is_left_as_it_is(home: Home, patient: Build, kept: int) -> None:
    whole = file_of(home).read_bytes()
    assert kept < len(whole)
    file_of(home).write_bytes(whole[:kept])
    with pytest.raises(IdentityError, match="is damaged"), Exchange.open(home) as exchange:
        exchange.learn_many([patient(f"IPP-{number}", matricule=None) for number in range(100)])
    assert files_of(home)["identities.sqlite3"] == whole[:kept]


def test_an_emptied_file_does_not_cost_the_log_beside_it(home: Home, patient: Build) -> None:
    with Exchange.open(home) as exchange:
        exchange.learn(patient("IPP-LATE", matricule=None))
        left = files_of(home)
        assert left["identities.sqlite3-wal"]
    file_of(home).write_bytes(b"")
    (home.vault / "identities.sqlite3-wal").write_bytes(left["identities.sqlite3-wal"])
    (home.vault / "identities.sqlite3-wal").chmod(0o600)
    with pytest.raises(IdentityError, match="is damaged"):
        Vault.open(home)
    assert files_of(home)["identities.sqlite3-wal"] == left["identities.sqlite3-wal"]


def test_a_page_that_was_overwritten_is_found(home: Home) -> None:
    raw = bytearray(file_of(home).read_bytes())
    raw[8192:12288] = bytes(4096)
    file_of(home).write_bytes(raw)
    with pytest.raises(IdentityError, match="is damaged"):
        custody.back_up(home, home.root / "copy", copy)
    assert not (home.root / "copy").exists()
    assert file_of(home).read_bytes() == raw


def test_a_held_file_is_waited_for_and_then_told_of(
    home: Home, patient: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("federim.identity.vault.sqlite.PATIENCE_SECONDS", 0.1)
    with closing(sqlite3.connect(file_of(home), isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with Exchange.open(home) as exchange, pytest.raises(IdentityError, match="another process has held"):
            exchange.learn(patient("IPP-NEW", matricule=None))
    with Exchange.open(home) as exchange:
        assert exchange.find(patient("IPP-NEW", matricule=None)) is None
        exchange.learn(patient("IPP-NEW", matricule=None))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
@pytest.mark.parametrize("name", ["vault/identities.sqlite3", "keys/vault.key"])
def test_a_file_that_others_can_open_is_refused(home: Home, name: str, mode: int) -> None:
    (home.root / name).chmod(mode)
    with pytest.raises(IdentityError, match=rf"{name} can be opened by other accounts \(mode {mode:04o}\)"):
        Vault.open(home)
    (home.root / name).chmod(0o600)
    Vault.open(home).close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", ["vault/identities.sqlite3", "keys/vault.key"])
def test_a_file_of_another_account_is_refused(home: Home, name: str) -> None:
    os.chown(home.root / name, 65534, 65534)
    with pytest.raises(IdentityError, match=f"{name} belongs to another account"):
        Vault.open(home)


def test_a_lost_vault_is_not_begun_anew_beside_its_persons(home: Home) -> None:
    file_of(home).unlink()
    table = home.lake / "person" / "bucket=00"
    table.mkdir(parents=True)
    (table / "part.parquet").write_bytes(b"")
    key = (home.keys / "vault.key").read_bytes()
    with pytest.raises(IdentityError, match=r"federim vault restore"):
        Exchange.open(home)
    assert files_of(home) == {}
    assert (home.keys / "vault.key").read_bytes() == key


def test_a_lost_vault_comes_back_from_its_backup(home: Home, patient: Build, tmp_path: Path) -> None:
    custody.back_up(home, tmp_path / "copy", copy)
    with Exchange.open(home) as exchange:
        subject = exchange.find(patient("IPP-7", matricule=None))
    file_of(home).write_bytes(file_of(home).read_bytes()[:5_000])
    with pytest.raises(IdentityError, match="move it"):
        custody.restore(home, tmp_path / "copy", replace=True, progress=copy)
    file_of(home).unlink()
    custody.restore(home, tmp_path / "copy", replace=False, progress=copy)
    with Exchange.open(home) as exchange:
        assert exchange.find(patient("IPP-7", matricule=None)) == subject


def test_a_backup_without_the_key_stays_shut(
    home: Home, make_site: Callable[..., Home], tmp_path: Path
) -> None:
    custody.back_up(home, tmp_path / "copy", copy)
    other = make_site("beta")
    with pytest.raises(HomeError, match=r"vault\.key"):
        custody.restore(other, tmp_path / "copy", replace=False, progress=copy)
    Vault.open(other).close()
    with pytest.raises(IdentityError, match="under another vault key"):
        custody.restore(other, tmp_path / "copy", replace=True, progress=copy)


def test_a_vault_in_a_file_is_not_left_behind_for_an_empty_one_on_a_server(home: Home) -> None:
    class Nowhere:
        shown = "schema federim_vault of PostgreSQL"

    from federim.identity.vault.places import check_may_begin

    moved = Home(home.root, home.settings.model_copy(update={"vault_url": "postgresql:///none"}))
    with pytest.raises(IdentityError, match="unset vault_url, run federim vault backup"):
        check_may_begin(moved, Nowhere())  # type: ignore[arg-type]


def test_deleted_rows_leave_no_byte_while_others_have_the_vault_open(home: Home) -> None:
    with closing(Vault.open(home)) as idle, closing(Vault.open(home)) as vault:
        assert len(idle.awaiting) == 0
        insert = "INSERT INTO person (person_id, seed) VALUES (?, ?)"
        vault.database.many(insert, [(f"{PERSON}{number}", b"") for number in range(500)])
        with closing(sqlite3.connect(file_of(home), isolation_level=None)) as another_tool:
            another_tool.execute("PRAGMA secure_delete = OFF")
            another_tool.execute("DELETE FROM person WHERE person_id LIKE ?", (f"{PERSON}%",))
        assert any(PERSON.encode() in content for content in files_of(home).values())
        vault.database.scrub()
        assert not any(PERSON.encode() in content for content in files_of(home).values())
        assert len(idle.awaiting) == 0


def test_a_program_that_reads_keeps_deleted_rows_and_it_is_said(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("federim.identity.vault.sqlite.PATIENCE_SECONDS", 0.1)
    with closing(place_of(home).open()) as vault:
        vault.run("INSERT INTO person (person_id, seed) VALUES (?, ?)", (PERSON, b""))
        with closing(place_of(home).open()) as other, other.reading():
            vault.run("DELETE FROM person WHERE person_id = ?", (PERSON,))
            with pytest.raises(IdentityError, match="another program has been reading"):
                vault.scrub()
        vault.scrub()
        assert not any(PERSON.encode() in content for content in files_of(home).values())


def test_a_rotation_is_kept_though_a_program_reads(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("federim.identity.vault.sqlite.PATIENCE_SECONDS", 0.1)
    with closing(place_of(home).open()) as other, other.reading():
        assert not custody.rotate_key(home, copy).scrubbed
    assert custody.check(home, copy).ok
    assert custody.rotate_key(home, copy).scrubbed


def test_a_key_file_that_a_killed_rotation_left_is_not_taken_for_the_key(home: Home, patient: Build) -> None:
    key = (home.keys / "vault.key").read_bytes()
    (home.keys / "vault.key.next").write_bytes(bytes(32))
    (home.keys / "vault.key.next").chmod(0o600)
    with Exchange.open(home) as exchange:
        assert exchange.find(patient("IPP-1", matricule=None)) is not None
    assert (home.keys / "vault.key").read_bytes() == key
    custody.rotate_key(home, copy)
    assert (home.keys / "vault.key").read_bytes() not in (key, bytes(32))
    assert not (home.keys / "vault.key.next").exists()
    with Exchange.open(home) as exchange:
        assert exchange.find(patient("IPP-1", matricule=None)) is not None
