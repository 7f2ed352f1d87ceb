"""The key of one project: made at the hub, sealed to each of its sites, readable nowhere else."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from federim.home import Home, Role
from federim.keys import ROOT_KEY_BYTES, canonical, read_key, replace_private
from federim.model.errors import HomeError, InputError, NotApproved, VerificationFailed
from federim.model.training import NAME
from federim.sealed import open_sealed, seal
from federim.trust.roots import DECIDING

KIND: Final = "project-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectKey:
    """What makes a project's pseudonyms, UIDs and dates.

    Attributes
    ----------
    key : bytes, 32
    epoch : bytes or None
        Public key (ristretto255 point, 32 bytes) of the key server's epoch whose tokens the pseudonyms are
        made from: with tokens of two epochs, two sites would not know one patient by one pseudonym. None
        where none is pinned: the newest that a site knows.
    hub : str
        Who made it.
    """

    project: str
    key: bytes = field(repr=False)
    epoch: bytes | None
    hub: str


def path(home: Home, project: str) -> Path:
    """Where the sealed key lies; raise `InputError` on a name that could leave the folder."""
    if not re.fullmatch(NAME, project):
        raise InputError(f"project {project!r}: expected 1 to 40 lower-case letters, digits and hyphens")
    return home.keys / "projects" / f"{project}.sealed"


def create(hub: Home, project: str, *, epoch: str = "") -> ProjectKey:
    """The project's key, made at the hub the first time it is asked for.

    Parameters
    ----------
    epoch : public key of a key server's epoch, 64 hexadecimal digits; where nothing is given, the one that
        the hub trusts

    Raises
    ------
    InputError
        The hub trusts several epochs' keys, and none is chosen.
    NotApproved
        The epoch's key is not one of a key server the hub trusts.
    HomeError
        The project's key pins another epoch already.
    """
    hub.require(Role.HUB)
    if not path(hub, project).exists():
        made = (
            read(hub, project)
            if _earlier(hub, project).exists()
            else ProjectKey(
                project=project,
                key=secrets.token_bytes(ROOT_KEY_BYTES),
                epoch=_pinned(hub, epoch),
                hub=hub.name,
            )
        )
        _keep(hub, project, sealed_to(hub, made, hub.own_key.sealing))
    known = read(hub, project)
    if epoch and known.epoch != bytes.fromhex(epoch):
        raise HomeError(
            f"the key of project {project} pins another epoch, and its pseudonyms with it; "
            "a new epoch takes a new project"
        )
    return known


def sealed_to(hub: Home, key: ProjectKey, to: str) -> bytes:
    """A project's key, signed by its hub, as the holder of the sealing key `to` alone can open it."""
    content = {
        "project": key.project,
        "key": key.key.hex(),
        "epoch": key.epoch.hex() if key.epoch else "",
    }
    return seal(canonical(content), to=to, sender=hub, kind=KIND)


def install(site: Home, sealed: bytes) -> ProjectKey:
    """Keep a project's key at a site, sealed as it came.

    Raises
    ------
    InputError
        It is no sealed project key.
    NotApproved
        It comes from no hub trusted here, or pins the key of a key server that is not trusted here.
    VerificationFailed
        It was sealed to another home, or changed.
    HomeError
        The site holds another key, or epoch, for that project already.
    """
    site.require(Role.SITE)
    key = _opened(site, sealed)
    pinned = site.trust_roots.key_servers
    if key.epoch is not None and pinned and key.epoch.hex() not in pinned:
        raise NotApproved(
            f"the key of project {key.project} pins a key server's key that {site.name} does not trust; "
            "compare it with the key server's operator, then federim trust add --kind key-server"
        )
    if path(site, key.project).exists():
        known = read(site, key.project)
        if (known.key, known.epoch) != (key.key, key.epoch):
            raise _another(site, key.project)
    elif _earlier(site, key.project).exists() and read(site, key.project).key != key.key:
        raise _another(site, key.project)
    _keep(site, key.project, sealed)
    return key


def read(home: Home, project: str) -> ProjectKey:
    """The project's key.

    Raises
    ------
    HomeError
        This home has none.
    NotApproved, VerificationFailed
        Who sealed it is not trusted any more, or the file was changed.
    """
    try:
        sealed = path(home, project).read_bytes()
    except FileNotFoundError:
        if _earlier(home, project).exists():
            return ProjectKey(
                project=project, key=read_key(_earlier(home, project)), epoch=None, hub=home.name
            )
        raise HomeError(
            f"{home.name} has no key of project {project}; the hub seals it with federim project seal"
        ) from None
    key = _opened(home, sealed)
    if key.project != project:
        raise VerificationFailed(f"{path(home, project).name} holds the key of another project")
    return key


def known(home: Home) -> list[str]:
    """The projects this home holds a key of."""
    return sorted({each.stem for suffix in ("sealed", "key") for each in _folder(home).glob(f"*.{suffix}")})


def _opened(home: Home, sealed: bytes) -> ProjectKey:
    sender, content = open_sealed(home, sealed, kind=KIND, senders=DECIDING)
    try:
        told = json.loads(content)
        key = ProjectKey(
            project=str(told["project"]),
            key=bytes.fromhex(told["key"]),
            epoch=bytes.fromhex(told["epoch"]) or None,
            hub=sender,
        )
    except (ValueError, TypeError, KeyError):
        raise InputError(f"the sealed message of {sender} holds no project key") from None
    sound = len(key.key) == ROOT_KEY_BYTES and len(key.epoch or bytes(32)) == 32
    if not sound or not re.fullmatch(NAME, key.project):
        raise InputError(f"the sealed message of {sender} holds no project key")
    return key


def _pinned(hub: Home, epoch: str) -> bytes | None:
    trusted = hub.trust_roots.key_servers
    if epoch and epoch not in trusted:
        raise NotApproved(
            f"{hub.name} trusts no key server of that key; compare it with its operator, then "
            "federim trust add --kind key-server"
        )
    if not epoch and len(trusted) > 1:
        raise InputError(
            f"{hub.name} trusts {len(trusted)} key server's keys; say with --epoch which one the project pins"
        )
    return bytes.fromhex(epoch or next(iter(trusted), "")) or None


def _keep(home: Home, project: str, sealed: bytes) -> None:
    _folder(home).mkdir(mode=0o700, exist_ok=True)
    replace_private(path(home, project), sealed)
    _earlier(home, project).unlink(missing_ok=True)


def _folder(home: Home) -> Path:
    return home.keys / "projects"


def _earlier(home: Home, project: str) -> Path:
    """Where an earlier version kept the key, unsealed."""
    return path(home, project).with_suffix(".key")


def _another(site: Home, project: str) -> HomeError:
    return HomeError(
        f"{site.name} already holds another key for project {project}; ask the hub which is right"
    )
