"""Backups open in either database, a new key leaves nothing under the former one, and neither loses a row."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from killed_child import rotate_and_die
from vault_homes import contents, copy_of, open_vault, patient, raw_database

from federim.home import Home
from federim.identity import custody
from federim.identity.cipher import VaultCipher
from federim.identity.exchange import Exchange
from federim.identity.rights import Rights
from federim.identity.vault.key import NEXT_VARIABLE
from federim.identity.vault.suppression import Word
from federim.model.errors import IdentityError, InputError, KeyServerAway, Opposed
from federim.model.identifiers import Subject

PERSONS = 12


def silent(_rows: int) -> None:
    """No progress is shown."""


class Away:
    """A key server that cannot be asked."""

    def epochs(self) -> tuple[()]:
        raise KeyServerAway("away")

    def close(self) -> None: ...


@pytest.fixture
def told(vault_home: Home) -> dict[int, Subject]:
    """The home's vault has something in every table; these are its persons, by number."""
    with Exchange.open(vault_home) as exchange:
        local = exchange.learn(patient(1, oid=None))
        exchange.learn(patient(90, oid="1.2.250.1.213.1.4.9"))  # a waiting number that another one follows
        exchange.learn(patient(90))
        found = {number: exchange.learn(patient(number)) for number in range(1, PERSONS)}
        exchange.remember_originals({one.person_id: {"2.25.1": "1.2.3"} for one in found.values()})
        assert local.person_id != found[1].person_id
    with Exchange.open(vault_home) as exchange:
        exchange._enrolment._newcomers._key_server = Away()  # type: ignore[assignment]
        with pytest.raises(KeyServerAway):
            exchange.learn(patient(91))
    with Rights.open(vault_home) as rights:
        objecting = rights.find.by_ipp("IPP-92")
        erasure = rights.oppose(objecting, Word(), actor="test")
        rights.oppose(rights.find.by_pseudonym(found[2].person_id), Word(project="p"), actor="test")
        assert erasure.id
    assert all(contents(vault_home).values()), "a table is empty"
    return found


def complete_erasures(home: Home) -> None:
    with Rights.open(home) as rights:
        for erasure in rights.pending():
            rights.complete(erasure)


def as_known(home: Home, told: dict[int, Subject]) -> None:
    """Everything that was told is found again."""
    assert custody.check(home, silent).ok
    with Exchange.open(home) as exchange:
        for number, subject in told.items():
            assert exchange.find(patient(number)) == subject
            assert exchange.originals(subject.person_id) == {"2.25.1": "1.2.3"}
        assert len(exchange.rewritings()) == 2
        with pytest.raises(KeyServerAway):
            exchange.find(patient(91))
        with pytest.raises(Opposed):
            exchange.find(patient(92))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def elsewhere(request: pytest.FixtureRequest, vault_home: Home, tmp_path: Path) -> Iterator[Home]:
    """The home's keys in another folder, whose vault would be in each database."""
    settings = {}
    if request.param == "postgresql":
        settings["vault_url"] = f"{request.getfixturevalue('new_postgresql_database')}?schema=elsewhere"
    return copy_of(vault_home, tmp_path / "elsewhere", **settings)


def test_a_backup_opens_in_either_database(
    vault_home: Home, told: dict[int, Subject], elsewhere: Home, tmp_path: Path
) -> None:
    copy = tmp_path / "vault.backup"
    made = custody.back_up(vault_home, copy, silent)
    assert made.persons == PERSONS
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    restored = custody.restore(elsewhere, copy, replace=False, progress=silent)
    assert restored == made
    assert contents(elsewhere) == contents(vault_home)
    as_known(elsewhere, told)


def test_a_backup_shows_nothing(vault_home: Home, told: dict[int, Subject], tmp_path: Path) -> None:
    custody.back_up(vault_home, tmp_path / "vault.backup", silent)
    raw = (tmp_path / "vault.backup").read_bytes()
    assert not [one for one in told.values() if one.person_id.encode() in raw]
    assert b"IPP-" not in raw and b"person" not in raw.split(b"\n", 1)[1]


def test_a_backup_is_of_one_moment_while_others_write(vault_home: Home, tmp_path: Path) -> None:
    with Exchange.open(vault_home) as exchange:
        exchange.learn(patient(0))
    stopping = threading.Event()

    def write() -> None:
        with Exchange.open(vault_home) as exchange:
            for number in range(1, 10_000):
                if stopping.is_set():
                    return
                exchange.learn(patient(number))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            custody.back_up(vault_home, tmp_path / f"{number}.backup", silent)
    finally:
        stopping.set()
        writer.join()
    for number in range(5):
        copied = copy_of(vault_home, tmp_path / f"copy-{number}")
        custody.restore(copied, tmp_path / f"{number}.backup", replace=False, progress=silent)
        assert custody.check(copied, silent).ok
        rows = contents(copied)
        assert len(rows["person"]) == len(rows["token"]) == len(rows["identifier"]) / 2


def test_a_backup_replaces_no_file(vault_home: Home, told: dict[int, Subject], tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"mine")
    with pytest.raises(InputError, match="exists"):
        custody.back_up(vault_home, tmp_path / "taken", silent)
    with pytest.raises(InputError, match="cannot be written"):
        custody.back_up(vault_home, tmp_path / "no-folder" / "file", silent)
    assert (tmp_path / "taken").read_bytes() == b"mine"


@pytest.mark.parametrize("harm", ["cut", "cut within a piece", "a bit", "longer", "header", "another file"])
def test_a_damaged_backup_changes_nothing(
    vault_home: Home, told: dict[int, Subject], tmp_path: Path, harm: str
) -> None:
    complete_erasures(vault_home)
    copy = tmp_path / "vault.backup"
    custody.back_up(vault_home, copy, silent)
    raw = bytearray(copy.read_bytes())
    if harm == "cut":
        del raw[-20:]  # exactly the piece that says it is the last
    elif harm == "cut within a piece":
        del raw[-100:]
    elif harm == "a bit":
        raw[len(raw) // 2] ^= 1
    elif harm == "longer":
        raw += b"\0"
    elif harm == "header":
        raw[:] = raw.replace(b'"rows": ', b'"rows":  ', 1)
    else:
        raw[:] = b"SQLite format 3\0" * 100
    copy.write_bytes(raw)
    before = contents(vault_home)
    for home in (vault_home, copy_of(vault_home, tmp_path / "empty")):
        with pytest.raises(IdentityError, match="backup"):
            custody.restore(home, copy, replace=True, progress=silent)
    assert contents(vault_home) == before
    assert not (home.vault / "identities.sqlite3").exists() and list(home.vault.iterdir()) == []


def test_a_vault_is_replaced_only_when_told(
    vault_home: Home, told: dict[int, Subject], tmp_path: Path
) -> None:
    complete_erasures(vault_home)
    copy = tmp_path / "vault.backup"
    custody.back_up(vault_home, copy, silent)
    with Exchange.open(vault_home) as exchange:
        exchange.learn(patient(50))
    with pytest.raises(IdentityError, match="--replace"):
        custody.restore(vault_home, copy, replace=False, progress=silent)
    with Exchange.open(vault_home) as exchange:
        assert exchange.find(patient(50)) is not None
    custody.restore(vault_home, copy, replace=True, progress=silent)
    as_known(vault_home, told)
    with Exchange.open(vault_home) as exchange:
        assert exchange.find(patient(50)) is None


def test_who_objected_since_a_backup_does_not_come_back(
    vault_home: Home, told: dict[int, Subject], tmp_path: Path
) -> None:
    complete_erasures(vault_home)
    custody.back_up(vault_home, tmp_path / "vault.backup", silent)
    with Rights.open(vault_home) as rights:
        erasure = rights.oppose(rights.find.by_ipp("IPP-5"), Word(), actor="test")
        with pytest.raises(IdentityError, match="erasure is under way"):
            custody.restore(vault_home, tmp_path / "vault.backup", replace=True, progress=silent)
        rights.complete(rights.forget(erasure, "vault"))
        rights.restore(rights.find.by_ipp("IPP-92"))
    done = custody.restore(vault_home, tmp_path / "vault.backup", replace=True, progress=silent)
    assert done.left_out == 1
    assert custody.check(vault_home, silent).ok
    with Exchange.open(vault_home) as exchange:
        with pytest.raises(Opposed):
            exchange.find(patient(5))
        assert exchange.find(patient(92)) is None  # who no longer objects is not made to
        assert exchange.find(patient(4)) == told[4]
        assert exchange.originals(told[5].person_id) == {}
    assert told[5].person_id not in repr(contents(vault_home))


def test_oppositions_are_not_lost_to_another_vaults_backup(
    make_vault_home: Callable[..., Home], tmp_path: Path
) -> None:
    one, two = make_vault_home("alpha"), make_vault_home("beta")
    (two.keys / "root.key").unlink()
    for home in (one, two):
        with Rights.open(home) as rights:
            rights.complete(rights.oppose(rights.find.by_ipp("IPP-1"), Word(), actor="test"))
    custody.back_up(one, tmp_path / "one.backup", silent)
    before = contents(two)
    with pytest.raises(IdentityError, match="under another vault key"):
        custody.restore(two, tmp_path / "one.backup", replace=True, progress=silent)
    (two.keys / "vault.key").unlink()
    (two.keys / "vault.key").write_bytes((one.keys / "vault.key").read_bytes())
    (two.keys / "vault.key").chmod(0o600)
    with pytest.raises(IdentityError, match="oppositions"):
        custody.restore(two, tmp_path / "one.backup", replace=True, progress=silent)
    assert contents(two) == before


def test_a_new_key_changes_no_person(vault_home: Home, told: dict[int, Subject]) -> None:
    before, key = contents(vault_home), (vault_home.keys / "vault.key").read_bytes()
    done = custody.rotate_key(vault_home, silent)
    assert done.scrubbed and not done.from_environment
    after = contents(vault_home)
    assert {name: len(rows) for name, rows in after.items()} == {
        name: len(rows) for name, rows in before.items()
    }
    assert (vault_home.keys / "vault.key").read_bytes() != key
    assert not (vault_home.keys / "vault.key.next").exists()
    assert [path.name for path in vault_home.vault.iterdir()] in ([], ["identities.sqlite3"])
    as_known(vault_home, told)


def test_nothing_stays_under_the_former_key(vault_home: Home, told: dict[int, Subject]) -> None:
    former = VaultCipher((vault_home.keys / "vault.key").read_bytes())
    before = {value for rows in contents(vault_home).values() for row in rows for value in row}
    custody.rotate_key(vault_home, silent)
    rows = contents(vault_home)
    kept = {
        value for each in rows.values() for row in each for value in row if isinstance(value, bytes)
    } & before
    # Public keys, and what a kept key hashed or nobody can compute.
    told_of = {value for name in ("epoch", "suppressed") for row in rows[name] for value in row}
    assert kept <= told_of
    for person_id, seed in rows["person"]:
        with pytest.raises(IdentityError):
            former.open(seed, "person.seed", person_id)


def test_who_has_the_former_key_is_ended_and_writes_nothing(
    vault_home: Home, told: dict[int, Subject]
) -> None:
    with Exchange.open(vault_home) as exchange, Rights.open(vault_home) as rights:
        exchange.find(patient(1))
        custody.rotate_key(vault_home, silent)
        before = contents(vault_home)
        for late in (
            lambda: exchange.learn(patient(70)),
            lambda: exchange.learn(patient(71, oid=None)),
            lambda: exchange.find(patient(72)),
            lambda: exchange.originals(told[1].person_id),
            lambda: exchange.remember_originals({told[1].person_id: {"2.25.9": "1.9"}}),
            lambda: exchange.project_pseudonyms([told[1].person_id], bytes(32)),
            lambda: rights.pending(),
            lambda: rights.oppose(rights.find.by_ipp("IPP-3"), Word(), actor="test"),
        ):
            with pytest.raises(IdentityError, match="key was changed while"):
                late()
        assert contents(vault_home) == before


def test_a_vault_that_is_not_whole_keeps_its_key(vault_home: Home, told: dict[int, Subject]) -> None:
    with raw_database(vault_home) as database:
        database.run("UPDATE original SET sealed = ? WHERE person_id = ?", (bytes(40), told[3].person_id))
    before, key = contents(vault_home), (vault_home.keys / "vault.key").read_bytes()
    with pytest.raises(IdentityError, match=r"original\.sealed"):
        custody.rotate_key(vault_home, silent)
    assert contents(vault_home) == before
    assert (vault_home.keys / "vault.key").read_bytes() == key
    with open_vault(vault_home) as vault:
        assert vault.cipher.check == VaultCipher(key).check


def test_a_key_in_the_environment_is_rotated_to_the_next_one_there(
    make_vault_home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDERIM_VAULT_KEY", "ab" * 32)
    home = make_vault_home()
    with Exchange.open(home) as exchange:
        subject = exchange.learn(patient(1))
    with pytest.raises(IdentityError, match=NEXT_VARIABLE):
        custody.rotate_key(home, silent)
    monkeypatch.setenv(NEXT_VARIABLE, "CD" * 32)
    assert custody.rotate_key(home, silent).from_environment
    with Exchange.open(home) as exchange:  # a service that has both set goes on
        assert exchange.find(patient(1)) == subject
    with pytest.raises(IdentityError, match="under that key already"):
        custody.rotate_key(home, silent)
    monkeypatch.setenv("FEDERIM_VAULT_KEY", "cd" * 32)
    monkeypatch.delenv(NEXT_VARIABLE)
    with Exchange.open(home) as exchange:
        assert exchange.find(patient(1)) == subject
    monkeypatch.setenv("FEDERIM_VAULT_KEY", "ab" * 32)
    with pytest.raises(IdentityError, match="another vault key"):
        Exchange.open(home)
    assert not list(home.keys.glob("vault.key*"))


def test_a_next_key_for_a_vault_whose_key_is_a_file_is_not_overlooked(
    vault_home: Home, told: dict[int, Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NEXT_VARIABLE, "cd" * 32)
    with pytest.raises(IdentityError, match="unset it"):
        custody.rotate_key(vault_home, silent)
    as_known(vault_home, told)


def test_killed_anywhere_in_a_rotation_the_vault_opens(
    vault_home: Home, told: dict[int, Subject], tmp_path: Path
) -> None:
    """Kill at the first, second, … file or database operation, until a rotation outlives them all."""
    following = vault_home.keys / "vault.key.next"
    killed, key_made = 0, None
    while rotate_in_a_child(vault_home, kill_at=killed):
        if key_made is None and following.exists():
            key_made = killed
        if key_made is not None:  # and again, once that one has made another key
            assert rotate_in_a_child(vault_home, kill_at=key_made + 4)
        as_known(vault_home, told)
        assert list(vault_home.vault.glob(".*")) == []
        killed += 1
    assert killed > 20
    as_known(vault_home, told)
    custody.rotate_key(vault_home, silent)
    assert not following.exists()
    as_known(vault_home, told)


def rotate_in_a_child(home: Home, *, kill_at: int) -> bool:
    """Rotate in a process of its own, killed at an operation; whether it was."""
    pid = os.fork()
    if pid == 0:
        rotate_and_die(home, kill_at)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False
