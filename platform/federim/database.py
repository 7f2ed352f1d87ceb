"""Open a home's relational database: Django set up once, one connection alias a home."""

from __future__ import annotations

import hashlib
import os
from typing import Any
from urllib.parse import unquote, urlsplit

import django
from django.apps import apps
from django.core.management import call_command
from django.db import connections

from federim.home import Home
from federim.keys import write_private
from federim.model.errors import HomeError

# A string, not an import: settings belong to the portal, which stands on a higher floor.
SETTINGS_MODULE = "federim.portal.settings"


def alias(home: Home) -> str:
    """The Django alias of this home's database, registered on first use.

    One process may hold several homes (a demonstration, a test, an in-process grid), so nothing
    uses Django's `default` alias outside the portal.
    """
    ready()
    # The address is part of the name: an environment variable may point the same folder elsewhere.
    name = "home-" + hashlib.sha256(f"{home.root}|{home.settings.database_url}".encode()).hexdigest()[:16]
    if name not in connections.databases:
        described = connections.configure_settings({"default": {}, name: describe(home)})
        connections.databases[name] = described[name]
    return name


def migrate(home: Home) -> None:
    """Bring the home's tables to this version's schema."""
    call_command("migrate", database=alias(home), verbosity=0, interactive=False)


def describe(home: Home) -> dict[str, Any]:
    """Django's description of the home's database, from `database_url`.

    Raises
    ------
    HomeError
        The URL's scheme is neither sqlite nor postgresql.
    """
    url = urlsplit(home.settings.database_url)
    if url.scheme == "sqlite":
        path = home.root / url.path.removeprefix("/")
        if not path.exists():
            write_private(path, b"")
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(path),
            # IMMEDIATE: two writers queue for the lock instead of failing when a read becomes a write.
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    if url.scheme in ("postgresql", "postgres"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.path.removeprefix("/"),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": url.hostname or "",
            "PORT": url.port or "",
        }
    raise HomeError(f"database_url: scheme {url.scheme!r} where sqlite or postgresql was expected")


def ready() -> None:
    """Set Django up, once a process.

    The packages that hold models call this when imported, so that any module may import them in any order.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS_MODULE)
    # Django itself imports those packages while it sets up, and may not be asked again meanwhile.
    if not (apps.ready or apps.loading):
        django.setup()
