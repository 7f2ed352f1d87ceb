"""Say where a home's vault is, and whether a new one may be made there."""

from __future__ import annotations

from federim.home import Home
from federim.identity.vault.database import Place
from federim.identity.vault.postgresql import PostgresqlSchema
from federim.identity.vault.sqlite import NAME, SqliteFile
from federim.model.errors import IdentityError


def place_of(home: Home) -> Place:
    """Where the home's vault is, or will be: the setting `vault_url`.

    Raises
    ------
    HomeError
        The setting cannot be used.
    """
    url = home.settings.vault_url
    return PostgresqlSchema(url) if url else SqliteFile(home.root / NAME)


def check_may_begin(home: Home, place: Place) -> None:
    """Refuse to begin an empty vault where one must have been before.

    Raises
    ------
    IdentityError
        The lake has persons, or the vault is in a file while the setting names a server.
    """
    if next((home.lake / "person").rglob("*.parquet"), None) is not None:
        raise IdentityError(
            f"there is no vault in {place.shown}, but the lake has persons whom only their vault knows; "
            "restore it from the site's backup (federim vault restore), or set vault_url back"
        )
    if home.settings.vault_url and (home.root / NAME).exists():
        raise IdentityError(
            f"this home's vault is {NAME}; to move it, unset vault_url, run federim vault backup, "
            "move the file away, set vault_url, run federim vault restore"
        )
