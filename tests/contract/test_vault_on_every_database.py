"""A vault answers the same whichever database holds it, and no error of either shows a value."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from vault_homes import contents, open_vault, patient, raw_database

from federim.home import Home
from federim.identity import custody
from federim.identity.exchange import Exchange
from federim.identity.rights import Rights
from federim.identity.vault.database import ROWS_A_PAGE, marks
from federim.identity.vault.places import place_of
from federim.identity.vault.schema import TABLES
from federim.identity.vault.vault import Vault
from federim.model.errors import IdentityError, Opposed
from federim.model.identifiers import Merge


def silent(_rows: int) -> None:
    """No progress is shown."""


def test_an_identity_is_learned_found_linked_late_and_joined(vault_home: Home) -> None:
    with Exchange.open(vault_home) as exchange:
        linked = exchange.learn(patient(1))
        local = exchange.learn(patient(2, oid=None))
        assert exchange.find(patient(1)) == linked
        assert exchange.find(patient(3)) is None
        late = exchange.learn(patient(2))
        assert late.linked and late.person_id != local.person_id
        assert [(one.old.person_id, one.new.person_id) for one in exchange.rewritings()] == [
            (local.person_id, late.person_id)
        ]
        exchange.rewritten(local.person_id)
        assert exchange.rewritings() == []
        other = exchange.learn(patient(4, oid=None))
        assert exchange.merge(Merge(survivor=patient(4, oid=None), retired=patient(1))) == linked
        assert [one.old.person_id for one in exchange.rewritings()] == [other.person_id]
        exchange.remember_originals({linked.person_id: {"2.25.1": "1.2.3"}})
        exchange.remember_originals({linked.person_id: {"2.25.1": "1.2.3", "2.25.2": "1.2.4"}})
    with Exchange.open(vault_home) as exchange:
        assert exchange.originals(linked.person_id) == {"2.25.1": "1.2.3", "2.25.2": "1.2.4"}
        assert exchange.project_pseudonyms([linked.person_id], bytes(32)).keys() == {linked.person_id}
    assert custody.check(vault_home, silent).ok


def test_thousands_of_identities_are_learned_at_once(vault_home: Home) -> None:
    told = [patient(number, oid=None) for number in range(1_200)]
    with Exchange.open(vault_home) as exchange:
        first = exchange.learn_many(told)
    with Exchange.open(vault_home) as exchange:
        assert exchange.learn_many(told) == first
    assert len(contents(vault_home)["identifier"]) == 1_200


def test_the_tables_are_what_the_schema_declares(vault_home: Home) -> None:
    Vault.open(vault_home).close()
    with raw_database(vault_home) as database:
        for name, table in TABLES.items():
            assert database.rows(f"SELECT {', '.join(table.columns)} FROM {name}") is not None
        assert database.rows("SELECT digest FROM key_check") != []


def test_many_who_open_at_once_make_one_vault(vault_home: Home) -> None:
    barrier = threading.Barrier(6)
    opened: list[bytes] = []

    def open_at_once() -> None:
        barrier.wait()
        with open_vault(vault_home) as vault:
            opened.append(vault.cipher.check)

    threads = [threading.Thread(target=open_at_once) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 6 and len(set(opened)) == 1
    assert len(contents(vault_home)["key_check"]) == 1


def test_a_writer_waits_for_the_one_before_and_reads_what_that_wrote(vault_home: Home) -> None:
    Vault.open(vault_home).close()
    inside, may_end = threading.Event(), threading.Event()
    seen: list[int] = []

    def first() -> None:
        with raw_database(vault_home) as database, database.transaction():
            database.run("INSERT INTO epoch (key_server, number) VALUES (?, ?)", (bytes(32), 1))
            inside.set()
            may_end.wait()

    def second() -> None:
        with raw_database(vault_home) as database, database.transaction():
            seen.append(database.rows("SELECT count(*) FROM epoch")[0][0])

    one, two = threading.Thread(target=first), threading.Thread(target=second)
    one.start()
    inside.wait()
    two.start()
    with raw_database(vault_home) as reader:
        before = reader.rows("SELECT count(*) FROM epoch")  # readers wait for nobody
    two.join(timeout=0.5)
    seen_before = list(seen)
    may_end.set()
    one.join()
    two.join()
    assert (before, seen_before, seen) == ([(0,)], [], [1])


def test_who_waits_too_long_is_told_so(vault_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    Vault.open(vault_home).close()
    for module in ("sqlite", "postgresql"):
        monkeypatch.setattr(f"federim.identity.vault.{module}.PATIENCE_SECONDS", 1)
    with (
        raw_database(vault_home) as holder,
        holder.transaction(),
        open_vault(vault_home) as vault,
        pytest.raises(IdentityError, match="another process has held it"),
    ):
        vault.awaiting.clear()


def test_what_fails_leaves_nothing_behind(vault_home: Home) -> None:
    with open_vault(vault_home) as vault:
        with pytest.raises(RuntimeError), vault.database.transaction():
            vault.database.run("INSERT INTO epoch (key_server, number) VALUES (?, ?)", (bytes(32), 1))
            raise RuntimeError
        assert vault.database.rows("SELECT * FROM epoch") == []
        vault.database.run("INSERT INTO epoch (key_server, number) VALUES (?, ?)", (bytes(32), 1))
    assert contents(vault_home)["epoch"] == [(bytes(32), 1)]


def test_a_refused_statement_shows_no_value(vault_home: Home) -> None:
    with open_vault(vault_home) as vault:
        insert = "INSERT INTO person (person_id, seed) VALUES (?, ?)"
        vault.database.run(insert, ("SECRET", b"SECRET"))
        for refused in (
            lambda: vault.database.run(insert, ("SECRET", b"SECRET")),
            lambda: vault.database.run(
                "INSERT INTO token (person_id, key_server, token) VALUES (?, ?, ?)", ("SECRET-2", b"", b"")
            ),
            lambda: vault.database.rows("SELECT * FROM secret WHERE 'SECRET' = ?", ("SECRET",)),
        ):
            with pytest.raises(IdentityError) as error:
                refused()
            assert "SECRET" not in str(error.value)
            assert error.value.__cause__ is None and error.value.__suppress_context__


def test_a_transaction_whose_statement_was_refused_is_not_half_kept(vault_home: Home) -> None:
    insert = "INSERT INTO person (person_id, seed) VALUES (?, ?)"
    with open_vault(vault_home) as vault:
        with pytest.raises(IdentityError, match="a statement failed"), vault.database.transaction():
            vault.database.run(insert, ("one", b"1"))
            with suppress(IdentityError):  # as where one identity of many is refused
                vault.database.run(insert, ("one", b"1"))
        assert vault.database.rows("SELECT * FROM person") == []
        with vault.database.transaction():
            assert vault.database.run(insert, ("one", b"1")) == 1
    assert contents(vault_home)["person"] == [("one", b"1")]


def test_a_reader_sees_one_moment_while_others_write(vault_home: Home) -> None:
    with open_vault(vault_home) as vault, vault.database.reading():
        assert vault.database.rows("SELECT count(*) FROM epoch") == [(0,)]
        with open_vault(vault_home) as other:
            other.database.run("INSERT INTO epoch (key_server, number) VALUES (?, ?)", (bytes(32), 1))
        assert vault.database.rows("SELECT count(*) FROM epoch") == [(0,)]
    assert len(contents(vault_home)["epoch"]) == 1


def test_long_tables_are_read_page_by_page(vault_home: Home) -> None:
    told = [(f"{number:032x}", b"") for number in range(ROWS_A_PAGE + 1)]
    with open_vault(vault_home) as vault:
        vault.database.many("INSERT INTO person (person_id, seed) VALUES (?, ?)", told)
        with vault.database.reading():
            pages = list(vault.database.pages("SELECT person_id, seed FROM person ORDER BY person_id"))
    assert [len(page) for page in pages] == [ROWS_A_PAGE, 1]
    assert [row for page in pages for row in page] == told


def test_an_empty_list_of_values_matches_nothing(vault_home: Home) -> None:
    with open_vault(vault_home) as vault:
        vault.database.run("INSERT INTO person (person_id, seed) VALUES (?, ?)", ("one", b""))
        assert vault.database.rows(f"SELECT 1 FROM person WHERE person_id IN ({marks([])})") == []


def test_it_is_described_without_being_shown(vault_home: Home) -> None:
    with pytest.raises(IdentityError, match="there is no vault"):
        custody.info(vault_home)
    with Exchange.open(vault_home) as exchange:
        exchange.learn_many([patient(1), patient(2), patient(3, oid=None)])
    found = custody.info(vault_home)
    assert (found.rows["person"], found.linked, found.epochs) == (3, 2, (1,))
    assert found.bytes > 10_000
    assert len(found.key) == 16


def test_a_changed_row_is_counted_and_not_backed_up(vault_home: Home) -> None:
    with Exchange.open(vault_home) as exchange:
        one, two = exchange.learn(patient(1)), exchange.learn(patient(2))
    assert custody.check(vault_home, silent).ok
    with raw_database(vault_home) as database:
        swap = "UPDATE person SET seed = (SELECT seed FROM person WHERE person_id = ?) WHERE person_id = ?"
        assert database.run(swap, (one.person_id, two.person_id)) == 1
    found = custody.check(vault_home, silent)
    assert (found.ok, found.changed) == (False, {"person": 1})
    with pytest.raises(IdentityError, match=r"person\.seed"):
        custody.back_up(vault_home, vault_home.root / "copy", silent)
    assert not [path for path in vault_home.root.iterdir() if "copy" in path.name]


def test_persons_of_another_home_are_strange(vault_home: Home) -> None:
    with Exchange.open(vault_home) as exchange:
        exchange.learn(patient(1))
    (vault_home.keys / "root.key").unlink()
    (vault_home.keys / "root.key").write_bytes(bytes(32))
    found = custody.check(Home.open(vault_home.root), silent)
    assert (found.ok, found.strange, found.changed) == (False, 1, {})


def test_a_vault_of_another_version_is_not_touched(vault_home: Home) -> None:
    Vault.open(vault_home).close()
    with raw_database(vault_home) as database:
        database.run("UPDATE key_check SET version = version + 1")
    before = contents(vault_home)
    with pytest.raises(IdentityError, match="another version"):
        Vault.open(vault_home)
    assert contents(vault_home) == before


def test_a_lake_that_has_persons_gets_no_empty_vault(vault_home: Home) -> None:
    table = vault_home.lake / "person" / "bucket=00"
    table.mkdir(parents=True)
    (table / "part.parquet").write_bytes(b"")
    with pytest.raises(IdentityError, match="only their vault knows"):
        Vault.open(vault_home)
    assert not place_of(vault_home).exists()
    assert not (vault_home.keys / "vault.key").exists()


def test_two_sites_share_a_server_and_nothing_else(make_vault_home: Callable[..., Home]) -> None:
    subjects = []
    for name in ("alpha", "beta"):
        with Exchange.open(make_vault_home(name)) as exchange:
            assert exchange.find(patient(1)) is None
            subjects.append(exchange.learn(patient(1)))
    assert subjects[0].person_id != subjects[1].person_id


def test_an_opposition_that_was_refused_costs_the_next_ones_nothing(vault_home: Home) -> None:
    with Rights.open(vault_home) as rights:
        with pytest.raises(IdentityError, match="pseudonym"):
            rights.oppose(rights.find.by_pseudonym("0" * 32), actor="test")
        rights.oppose(rights.find.by_ipp("IPP-1"), actor="test")
    with Exchange.open(vault_home) as exchange, pytest.raises(Opposed):
        exchange.learn(patient(1))
