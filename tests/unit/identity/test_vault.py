"""The vault shows nothing without its key, and says so when its key or its rows are not its own."""

from __future__ import annotations

import base64
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from federim.home import Home
from federim.identity import ins
from federim.identity.cipher import VaultCipher
from federim.identity.exchange import Exchange
from federim.identity.vault.key import first_key
from federim.identity.vault.people import Match, Person
from federim.identity.vault.vault import Vault
from federim.model.errors import HomeError, IdentityError, StorageFull
from federim.model.identifiers import Ipp, LocalId, PatientIdentity, Pseudonym

Build = Callable[..., PatientIdentity]
MATRICULE = "285052A004123"


def spellings(value: str) -> list[bytes]:
    """A value as a careless column could hold it."""
    raw = value.encode()
    return [raw, value.encode("utf-16-le"), raw.hex().encode(), base64.b64encode(raw).rstrip(b"="), raw[::-1]]


def files_of(home: Home) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in home.root.rglob("*") if path.is_file()}


def test_no_byte_of_a_home_shows_an_identifier(make_site: Callable[..., Home], patient: Build) -> None:
    home = make_site()
    with Exchange.open(home) as exchange:
        for number in range(50):
            exchange.learn(patient(f"IPP-77{number:03d}-SECRET", matricule=f"285052A0041{number:02d}"))
        exchange.learn(PatientIdentity(local=(LocalId(issuer="LAB-SECRET", value=Ipp("SECRET-1")),)))
        exchange.find(patient("IPP-UNKNOWN-SECRET", matricule=None))
        live = files_of(home)
    assert any(name.endswith("-wal") and content for name, content in live.items())
    for name, content in {**live, **files_of(home)}.items():
        for value in ("SECRET", "IPP-77", "285052A0041"):
            assert not any(spelling in content for spelling in spellings(value)), name


def test_what_is_kept_can_be_read_with_the_key_alone(make_site: Callable[..., Home], patient: Build) -> None:
    home, told = make_site(), patient("IPP-1")
    with Exchange.open(home) as exchange:
        subject = exchange.learn(told)
    cipher = VaultCipher(first_key(home))
    with closing(sqlite3.connect(home.vault / "identities.sqlite3")) as raw:
        rows = raw.execute("SELECT lookup, person_id, oid, issuer, value FROM identifier").fetchall()
    read = {
        (
            person_id,
            oid,
            cipher.open(issuer, "identifier.issuer", lookup.hex()).decode(),
            cipher.open(value, "identifier.value", lookup.hex()).decode(),
        )
        for lookup, person_id, oid, issuer, value in rows
    }
    assert told.national is not None
    assert read == {
        (subject.person_id, None, "", "IPP-1"),
        (subject.person_id, ins.NIR, ins.NIR, told.national.value),
    }


def test_every_file_of_the_vault_is_its_owners_alone(make_site: Callable[..., Home], patient: Build) -> None:
    home = make_site()
    with Exchange.open(home) as exchange:
        exchange.learn(patient("IPP-1"))
        files = [*home.vault.iterdir(), home.keys / "vault.key"]
        assert len(files) == 4
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_another_key_does_not_open_it(
    make_site: Callable[..., Home], patient: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_site()
    with Exchange.open(home) as exchange:
        exchange.learn(patient("IPP-1"))
    monkeypatch.setenv("FEDERIM_VAULT_KEY", "ab" * 32)
    with pytest.raises(IdentityError, match="another vault key"):
        Exchange.open(home)


def test_a_lost_key_is_not_replaced_by_a_new_one(make_site: Callable[..., Home]) -> None:
    home = make_site()
    Vault.open(home).close()
    (home.keys / "vault.key").unlink()
    with pytest.raises(HomeError, match=r"vault\.key"):
        Vault.open(home)
    assert not (home.keys / "vault.key").exists()


def test_the_key_may_come_from_the_environment_alone(
    make_site: Callable[..., Home], patient: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDERIM_VAULT_KEY", "0123456789abcdef" * 4)
    home = Home.open(make_site().root)
    with Exchange.open(home) as exchange:
        subject = exchange.learn(patient("IPP-1"))
    with Exchange.open(home) as exchange:
        assert exchange.find(patient("IPP-1")) == subject
    assert not (home.keys / "vault.key").exists()


def test_a_key_variable_that_is_no_key_is_refused_and_not_repeated(
    make_site: Callable[..., Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDERIM_VAULT_KEY", "not a key")
    with pytest.raises(IdentityError, match="64 hexadecimal") as refusal:
        Vault.open(make_site())
    assert "not a key" not in str(refusal.value)


def test_a_ciphertext_moved_to_another_row_does_not_open(
    make_site: Callable[..., Home], patient: Build
) -> None:
    home = make_site()
    with Exchange.open(home) as exchange:
        exchange.learn(patient("IPP-1", matricule=None))
        other = exchange.learn(patient("IPP-2", matricule=None))
    with closing(sqlite3.connect(home.vault / "identities.sqlite3", isolation_level=None)) as raw:
        raw.execute(
            "UPDATE person SET seed = (SELECT seed FROM person WHERE person_id = ?)", (other.person_id,)
        )
    with Exchange.open(home) as exchange:
        assert exchange.find(patient("IPP-2", matricule=None)) == other
        with pytest.raises(IdentityError, match=r"person\.seed"):
            exchange.find(patient("IPP-1", matricule=None))


def test_a_file_that_is_no_database_is_told_in_one_line(make_site: Callable[..., Home]) -> None:
    home = make_site()
    Vault.open(home).close()
    (home.vault / "identities.sqlite3").write_bytes(b"not a database" * 100)
    with pytest.raises(IdentityError, match="is damaged"):
        Vault.open(home)


def test_a_full_disk_leaves_the_vault_as_it_was(make_site: Callable[..., Home], patient: Build) -> None:
    home = make_site()
    vault = Vault.open(home)
    with closing(vault):
        connection = vault.database._database._connection
        [pages] = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        entered = 0
        with pytest.raises(StorageFull):
            for number in range(1000):
                newcomer = Person(person_id=Pseudonym(f"{number:032x}"), seed=bytes(64))
                with vault.database.transaction():
                    vault.people.enrol([(patient(f"IPP-{number}", matricule=None), newcomer)])
                entered += 1
        assert entered > 0
        assert connection.execute("SELECT count(*) FROM person").fetchone() == (entered,)
        assert connection.execute("SELECT count(*) FROM identifier").fetchone() == (entered,)
        [match] = vault.people.match([patient(f"IPP-{entered}", matricule=None)])
        assert not match.known


def test_nothing_it_returns_shows_a_value(make_site: Callable[..., Home], patient: Build) -> None:
    with closing(Vault.open(make_site())) as vault:
        newcomer = Person(person_id=Pseudonym("0" * 32), seed=b"TOKEN" * 8, tokens={b"epoch": b"TOKEN" * 8})
        [person] = vault.people.enrol([(patient("IPP-1"), newcomer)])
        shown = [
            repr(vault),
            repr(newcomer),
            repr(person),
            repr(vault.people.match([patient("IPP-1", "IPP-2")])),
            repr(Match((person,), patient("IPP-1").local)),
        ]
    assert not any(value in text for value in ("IPP-", MATRICULE, "TOKEN") for text in shown)


def test_two_homes_index_the_same_patient_differently(make_site: Callable[..., Home], patient: Build) -> None:
    lookups = []
    for home in (make_site("alpha"), make_site("beta")):
        with Exchange.open(home) as exchange:
            exchange.learn(patient("IPP-1"))
        with closing(sqlite3.connect(home.vault / "identities.sqlite3")) as raw:
            lookups.append({row[0] for row in raw.execute("SELECT lookup FROM identifier")})
    assert lookups[0].isdisjoint(lookups[1])


def test_a_half_made_vault_is_never_seen(make_site: Callable[..., Home]) -> None:
    home = make_site()
    Vault.open(home).close()
    assert [path.name for path in Path(home.vault).iterdir()] == ["identities.sqlite3"]
