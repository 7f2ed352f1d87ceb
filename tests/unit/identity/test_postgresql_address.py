"""A vault's address on a server is refused before anybody connects, if it would not be safe there."""

from __future__ import annotations

import socket

import pytest

from federim.identity.vault.postgresql import PostgresqlSchema
from federim.model.errors import HomeError, IdentityError

LOCAL = "postgresql://vault:SECRET@127.0.0.1"


def test_a_schema_has_a_name_of_its_own() -> None:
    assert PostgresqlSchema(f"{LOCAL}/db").shown == "schema federim_vault of PostgreSQL"
    assert PostgresqlSchema(f"{LOCAL}/db?schema=ours_2").shown == "schema ours_2 of PostgreSQL"


@pytest.mark.parametrize("name", ["Ours", "a-b", 'a"; DROP SCHEMA b', "a b", "1a", "x" * 64])
def test_a_name_that_is_no_word_is_refused(name: str) -> None:
    with pytest.raises(HomeError, match="lower-case word"):
        PostgresqlSchema(f"{LOCAL}/db?schema={name}")


@pytest.mark.parametrize("tls", ["", "&sslmode=prefer", "&sslmode=require", "&sslmode=disable"])
@pytest.mark.parametrize("host", ["db.hospital.fr", "10.0.0.1"])
def test_another_machine_must_prove_who_it_is(host: str, tls: str) -> None:
    for url in (f"postgresql://vault@{host}/db?schema=a{tls}", f"postgresql:///db?host={host}{tls}"):
        with pytest.raises(HomeError, match="sslmode=verify-full"):
            PostgresqlSchema(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://vault@db.hospital.fr/db?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgresql://vault@localhost/db",
        "postgresql://vault@[::1]:5433/db",
        "postgresql:///db",
        "postgresql:///db?host=/run/postgresql",
    ],
)
def test_a_proven_or_the_same_machine_is_taken(url: str) -> None:
    PostgresqlSchema(url)


def test_a_server_that_is_away_is_told_of_without_its_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        place = PostgresqlSchema(f"{LOCAL}:{taken.getsockname()[1]}/db")
        with pytest.raises(IdentityError, match="cannot be reached") as error:
            place.exists()
    assert "SECRET" not in str(error.value) and "SECRET" not in repr(place)
    assert error.value.__cause__ is None and error.value.__suppress_context__
