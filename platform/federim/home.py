"""A home: one folder, one role, its settings, its keys and whom it trusts."""

from __future__ import annotations

import json
import os
import secrets
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from federim.keys import (
    ROOT_KEY_BYTES,
    SealingKey,
    SigningKey,
    create_keys,
    keyed,
    read_key,
    write_private,
)
from federim.model.errors import HomeError
from federim.model.identifiers import SiteName
from federim.places import Places
from federim.settings import Role as Role
from federim.settings import Settings as Settings
from federim.trust.changes import NAME_PATTERN, added
from federim.trust.roots import OwnKey, TrustKind, TrustRoots
from federim.trust.store import TrustStore

SETTINGS_FILE = "federim.toml"


@dataclass(frozen=True)
class Home(Places):
    """An open home: its settings, its keys, whom it trusts, and where everything in it lies."""

    root: Path
    settings: Settings

    @classmethod
    def create(cls, root: Path, *, role: Role, name: str, **settings: Any) -> Home:
        """Make the folder, its sub-folders (0700), keys and settings (0600).

        Raises
        ------
        HomeError
            The folder already holds something, or the name is not a short lower-case word.
        """
        root = root.absolute()
        if not NAME_PATTERN.fullmatch(name):
            raise HomeError(
                f"name {name!r}: expected 1 to 40 lower-case letters, digits, hyphens, such as 'chu-nord'"
            )
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise HomeError(f"{root} already exists and is not an empty folder; choose another")
        home = cls(root, Settings(role=role, name=name, **settings))
        root.mkdir(parents=True, exist_ok=True)
        root.chmod(0o700)
        for folder in home.folders:
            folder.mkdir(mode=0o700)
            folder.chmod(0o700)
        create_keys(home.keys)
        # Last: a home without its settings file is no home, so a crash above leaves nothing to open.
        write_private(root / SETTINGS_FILE, _as_toml(role=role, name=name, **settings).encode())
        return home

    @classmethod
    def open(cls, root: Path) -> Home:
        """Open an existing home.

        Raises
        ------
        HomeError
            No home there, or `federim.toml` holds an unknown or unusable setting.
        """
        root = root.absolute()
        try:
            written = tomllib.loads((root / SETTINGS_FILE).read_text())
        except FileNotFoundError:
            raise HomeError(
                f"{root} is not a home: no {SETTINGS_FILE} in it; make one with federim init"
            ) from None
        except tomllib.TOMLDecodeError as error:
            raise HomeError(f"{root / SETTINGS_FILE} is not valid TOML: {error}") from error
        try:
            return cls(root, Settings(**written))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise HomeError(f"{root / SETTINGS_FILE}, setting {where!r}: {first['msg']}") from error

    def require(self, *roles: Role) -> Home:
        """This home, if its role is one of `roles`; raise `HomeError` otherwise."""
        if self.settings.role not in roles:
            wanted = " or ".join(role.value for role in roles)
            raise HomeError(f"{self.root} is a {self.settings.role.value} home; this needs a {wanted} home")
        return self

    @property
    def name(self) -> SiteName:
        return SiteName(self.settings.name)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every sub-folder a home of this role has."""
        shared = (self.keys, self.runs)
        if self.settings.role is Role.HUB:
            return (*shared, self.plans)
        if self.settings.role is Role.WORKSPACE:
            return (*shared, self.lake, self.objects, self.snapshots, self.cohorts)
        return (
            *shared,
            self.lake,
            self.objects,
            self.staging,
            self.vault,
            self.snapshots,
            self.cohorts,
            self.releases,
            self.plans,
        )

    @cached_property
    def _root_key(self) -> bytes:
        return read_key(self.keys / "root.key")

    def secret(self, purpose: str) -> bytes:
        """The 32-byte key of this home for one purpose; two purposes' keys tell nothing of each other."""
        return keyed(self._root_key, "federim", purpose)

    @property
    def signing_key(self) -> SigningKey:
        """The key this home signs audit heads, plans, decisions and manifests with.

        Read each time: it may be rotated while a service runs.
        """
        return SigningKey(read_key(self.keys / "signing.key"))

    @property
    def sealing_keys(self) -> tuple[SealingKey, ...]:
        """The keys that open what is sealed to this home: the one it gives out, then those before it."""
        path = self.keys / "sealing.key"
        if not path.exists():  # a home of an earlier version
            with suppress(FileExistsError):  # another process was first
                write_private(path, secrets.token_bytes(ROOT_KEY_BYTES))
        before = sorted((self.keys / "retired").glob("*.key"))
        return tuple(SealingKey(read_key(each)) for each in (path, *before))

    @property
    def own_key(self) -> OwnKey:
        """What other homes need to trust this one: the public halves of its two keys."""
        return OwnKey(public=self.signing_key.public, sealing=self.sealing_keys[0].public)

    @property
    def trust_roots(self) -> TrustRoots:
        """Whose signatures this home believes, and as what; its own keys, earlier ones too, among them."""
        return self._trust_store.read()

    @property
    def trusted(self) -> dict[str, str]:
        """The public key each trusted home signs with now, by its name; this home's own among them."""
        return self.trust_roots.publics

    def trust(self, name: str, public: str, kind: TrustKind | None = None, *, sealing: str = "") -> None:
        """Trust signatures of `name` made with `public` (64 hexadecimal digits).

        Parameters
        ----------
        kind : what that home is; what is not said is a site at a hub, and a hub anywhere else
        sealing : its X25519 key, 64 hexadecimal digits, without which nothing can be sealed to it

        Raises
        ------
        HomeError
            As `federim.trust.changes.added`.
        """
        self.change_trust(
            lambda roots: added(roots, name, public, kind=kind or self._counterpart, sealing=sealing)
        )

    def change_trust(self, change: Callable[[TrustRoots], TrustRoots]) -> TrustRoots:
        """Keep what a change (`federim.trust.changes`) makes of the trust roots, whole or not at all."""
        return self._trust_store.change(change)

    @property
    def _counterpart(self) -> TrustKind:
        return TrustKind.SITE if self.settings.role is Role.HUB else TrustKind.HUB

    @property
    def _trust_store(self) -> TrustStore:
        return TrustStore(
            folder=self.keys, owner=self.name, own=lambda: self.own_key, counterpart=self._counterpart
        )


def find_home(given: Path | None) -> Path:
    """The home to use: the one given, else `FEDERIM_HOME`.

    Raises
    ------
    HomeError
        Neither is set.
    """
    if given is not None:
        return given
    named = os.environ.get("FEDERIM_HOME")
    if not named:
        raise HomeError("no home given: use federim --home HOME … or set FEDERIM_HOME")
    return Path(named)


def _as_toml(**settings: Any) -> str:
    lines = [
        "# The whole configuration of this home. FEDERIM_<SETTING> in the environment wins over a line here."
    ]
    for key, value in settings.items():
        if isinstance(value, bool):
            lines.append(f"{key} = {str(value).lower()}")
        elif isinstance(value, tuple):
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
        elif isinstance(value, int):
            lines.append(f"{key} = {value}")
        else:
            # A TOML basic string escapes as JSON does.
            quoted = str(value).replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'{key} = "{quoted}"')
    return "\n".join(lines) + "\n"
