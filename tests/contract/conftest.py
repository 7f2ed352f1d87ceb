"""Each database a home may be on: SQLite always, PostgreSQL under `make integration`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.db import connections

from federim.database import alias
from federim.home import Home, Role

# Read now: the settings of whoever runs the tests are taken out of the environment before each one.
GIVEN_POSTGRESQL = os.environ.get("FEDERIM_TEST_POSTGRESQL_URL", "")


@pytest.fixture
def new_postgresql_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database made for one test, on the server given or on one started here."""
    import psycopg

    server: str = GIVEN_POSTGRESQL or request.getfixturevalue("postgresql_url")
    name = f"federim_test_{os.getpid()}_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def centre_home(request: pytest.FixtureRequest, make_home: Callable[..., Home]) -> Iterator[Home]:
    """A site home on each database."""
    if request.param == "sqlite":
        home = make_home("centre", Role.SITE)
    else:
        url = request.getfixturevalue("new_postgresql_database")
        home = make_home("centre", Role.SITE, database_url=url)
    yield home
    connections[alias(home)].close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def make_vault_home(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Home]:
    """`make_vault_home("alpha")` is a site whose vault is a file, and again one on a server."""
    server = request.getfixturevalue("new_postgresql_database") if request.param == "postgresql" else None

    def build(name: str = "alpha", root: Path | None = None) -> Home:
        url = f"{server}?schema=vault_{name}" if server else ""
        place = tmp_path / name if root is None else root
        return Home.create(place, role=Role.SITE, name=name, **({"vault_url": url} if url else {}))

    return build


@pytest.fixture
def vault_home(make_vault_home: Callable[..., Home]) -> Home:
    """One site on each database of vaults."""
    return make_vault_home()
