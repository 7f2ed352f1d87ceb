"""What only a server can do to a vault: let others in, drop connections, keep deleted rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from federim.home import Home, Role
from federim.identity.exchange import Exchange
from federim.identity.vault.places import place_of
from federim.identity.vault.schema import TABLES
from federim.identity.vault.vault import Vault
from federim.model.errors import IdentityError
from federim.model.identifiers import Ipp, LocalId, PatientIdentity

pytestmark = pytest.mark.integration

DROP_CONNECTIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'federim vault'"
)
PERSON = "5ec2e75ec2e75ec2e75ec2e75ec2e7ff"


def patient(number: int) -> PatientIdentity:
    return PatientIdentity(local=(LocalId(issuer="", value=Ipp(f"IPP-{number}")),))


@pytest.fixture
def server(postgresql_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The server's administrator, in the same database."""
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def home(
    make_home: Callable[..., Home], postgresql_url: str, server: psycopg.Connection[tuple[object, ...]]
) -> Iterator[Home]:
    """A site whose vault is a schema that its own role, no administrator, was given."""
    role = f"vault_{uuid4().hex[:8]}"
    server.execute(f"CREATE ROLE {role} LOGIN")
    server.execute(f"CREATE SCHEMA {role} AUTHORIZATION {role}")
    url = urlsplit(postgresql_url)
    address = url._replace(netloc=f"{role}@{url.hostname}:{url.port}", query=f"schema={role}").geturl()
    made = make_home("alpha", Role.SITE, vault_url=address)
    with Exchange.open(made) as exchange:
        exchange.learn_many([patient(number) for number in range(50)])
    yield made
    server.execute(f"DROP SCHEMA {role} CASCADE")
    server.execute(f"DROP ROLE {role}")


def schema_of(home: Home) -> str:
    return home.settings.vault_url.partition("schema=")[2]


def test_nothing_of_it_is_in_the_home(home: Home) -> None:
    assert list(home.vault.iterdir()) == []


def test_a_schema_that_another_role_was_let_into_is_refused(
    home: Home, server: psycopg.Connection[tuple[object, ...]]
) -> None:
    server.execute(f"GRANT USAGE ON SCHEMA {schema_of(home)} TO PUBLIC")
    with pytest.raises(IdentityError, match="open to another role"):
        Vault.open(home)
    server.execute(f"REVOKE USAGE ON SCHEMA {schema_of(home)} FROM PUBLIC")
    Vault.open(home).close()


def test_a_schema_of_another_role_is_refused(
    home: Home, server: psycopg.Connection[tuple[object, ...]]
) -> None:
    server.execute(f"ALTER SCHEMA {schema_of(home)} OWNER TO federim")
    with pytest.raises(IdentityError):
        Vault.open(home)
    server.execute(f"ALTER SCHEMA {schema_of(home)} OWNER TO {schema_of(home)}")
    Vault.open(home).close()


def test_a_dropped_connection_costs_one_error(
    home: Home, server: psycopg.Connection[tuple[object, ...]]
) -> None:
    with Exchange.open(home) as exchange:
        known = exchange.find(patient(1))
        drop = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'federim vault'"
        )
        server.execute(drop)
        with pytest.raises(IdentityError, match="PostgreSQL answers"):
            exchange.learn(patient(70))
        assert exchange.learn(patient(70)) != known
        assert exchange.find(patient(71)) is None


def test_a_connection_dropped_within_a_transaction_leaves_nothing_of_it(
    home: Home, server: psycopg.Connection[tuple[object, ...]]
) -> None:
    insert = "INSERT INTO person (person_id, seed) VALUES (?, ?)"
    with closing(Vault.open(home)) as vault:
        with pytest.raises(IdentityError), vault.database.transaction():
            vault.database.run(insert, (PERSON, b""))
            server.execute(DROP_CONNECTIONS)
            vault.database.run(insert, (f"{PERSON}2", b""))
        assert vault.people.named([PERSON, f"{PERSON}2"]) == {}
        assert vault.database.rows("SELECT count(*) FROM person") == [(50,)]


def test_deleted_rows_leave_no_byte_in_the_tables_files(
    home: Home, server: psycopg.Connection[tuple[object, ...]]
) -> None:
    def files() -> bytes:
        server.execute("CHECKPOINT")
        relations = server.execute(
            "SELECT pg_relation_filepath(oid) FROM pg_class WHERE relnamespace = %s::regnamespace "
            "AND relkind IN ('r', 'i')",
            (schema_of(home),),
        ).fetchall()
        assert len(relations) > len(TABLES)
        read = "SELECT pg_read_binary_file(%s)"
        return b"".join(server.execute(read, path).fetchone()[0] for path in relations)  # type: ignore[index,misc]

    with closing(place_of(home).open()) as database, closing(Vault.open(home)) as idle:
        database.run("INSERT INTO person (person_id, seed) VALUES (?, ?)", (PERSON, b""))
        assert len(idle.awaiting) == 0
        database.run("DELETE FROM person WHERE person_id = ?", (PERSON,))
        assert PERSON.encode() in files()
        database.scrub()
        assert PERSON.encode() not in files()
        assert len(idle.awaiting) == 0
