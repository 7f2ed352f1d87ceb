"""The key of one project: made at the hub, held by its sites, known to nobody else."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from federim.home import Home, Role
from federim.keys import ROOT_KEY_BYTES, read_key, write_private
from federim.model.errors import HomeError, InputError
from federim.model.training import NAME


def path(home: Home, project: str) -> Path:
    """Where the key lies; raise `InputError` on a name that could leave the folder."""
    if not re.fullmatch(NAME, project):
        raise InputError(f"project {project!r}: expected 1 to 40 lower-case letters, digits and hyphens")
    return home.keys / "projects" / f"{project}.key"


def create(hub: Home, project: str) -> bytes:
    """The project's key (32 bytes), made at the hub the first time it is asked for."""
    hub.require(Role.HUB)
    if path(hub, project).exists():
        return read(hub, project)
    key = secrets.token_bytes(ROOT_KEY_BYTES)
    _write(hub, project, key)
    return key


def install(site: Home, project: str, key: bytes) -> None:
    """Keep the project's key at a site.

    Raises
    ------
    HomeError
        The key is not 32 bytes, or the site already holds another one for that project.
    """
    site.require(Role.SITE)
    if len(key) != ROOT_KEY_BYTES:
        raise HomeError(f"key of project {project}: {len(key)} bytes where {ROOT_KEY_BYTES} were expected")
    if not path(site, project).exists():
        _write(site, project, key)
    elif read(site, project) != key:
        raise HomeError(
            f"{site.name} already holds another key for project {project}; ask the hub which is right"
        )


def read(home: Home, project: str) -> bytes:
    """The project's key; raise `HomeError` where this home has none."""
    return read_key(path(home, project))


def _write(home: Home, project: str, key: bytes) -> None:
    folder = path(home, project).parent
    folder.mkdir(mode=0o700, exist_ok=True)
    write_private(path(home, project), key)
