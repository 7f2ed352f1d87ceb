"""A home: one folder, one role, its settings, its keys and whom it trusts."""

from __future__ import annotations

import json
import os
import secrets
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

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
from federim.trust.changes import NAME_PATTERN, added
from federim.trust.roots import OwnKey, TrustKind, TrustRoots
from federim.trust.store import TrustStore

SETTINGS_FILE = "federim.toml"


class Role(StrEnum):
    """What runs in a home, and so what it may hold (DESIGN: who uses it, and what runs where)."""

    SITE = "site"
    HUB = "hub"
    WORKSPACE = "workspace"


class Settings(BaseSettings):
    """The whole configuration of a home: `federim.toml`, each setting overridable by `FEDERIM_…`."""

    model_config = SettingsConfigDict(env_prefix="FEDERIM_", extra="forbid", frozen=True)

    role: Role
    name: str = Field(
        pattern=f"^{NAME_PATTERN.pattern}$", description="the site, hub or workspace's short name"
    )
    database_url: str = Field(
        default="sqlite:///federim.sqlite3",
        description="audit and governance: sqlite:///FILE (relative to the home) or postgresql://…",
    )
    vault_url: str = Field(
        default="",
        pattern=r"^(|postgres(ql)?://.+)$",
        description="identities: '' is a SQLite file in the home; postgresql://…?schema=NAME a schema "
        "(federim_vault, if not said) of a role's own",
    )
    minimum_cohort: int = Field(default=10, ge=10, description="fewest persons a round or plan may run on")
    small_cell: int = Field(default=11, ge=11, description="counts below this never leave")
    registers: tuple[str, ...] = Field(
        default=(),
        description="authorities (OID, or name as DICOM writes it) that number this site's patients; none "
        "listed: a number of type PI or MR is the site's own whoever gave it",
    )
    test_identities: bool = Field(default=False, description="accept INS of the test and demo OIDs")
    key_server: str = Field(
        default="",
        pattern=r"^(|embedded:.+|https://[^/\s]+)$",
        description="who evaluates blinded INS: '' is this home's own key (links nobody across sites), "
        "embedded:FILE or embedded:FOLDER a key server in this process, https://HOST:PORT one far away",
    )
    key_server_ca: str = Field(
        default="", description="PEM file: who vouches for the key server's certificate"
    )
    key_server_certificate: str = Field(
        default="", description="PEM file: what this site shows the key server; its operator knows it"
    )
    key_server_key: str = Field(default="", description="PEM file: the private key of that certificate")
    key_server_public: str = Field(
        default="",
        pattern="^(|[0-9a-f]{64})$",
        description="public key of the key server's epoch, compared over a second channel; "
        "federim trust add --kind key-server says the same, and takes several",
    )
    reidentifications_a_day: int = Field(
        default=3, ge=0, description="how many persons may be recognised within 24 hours"
    )
    retention_years: int = Field(
        default=20, ge=1, le=20, description="how long anything is kept for research, at most; then purge"
    )
    review_months: int = Field(
        default=24,
        ge=1,
        le=60,
        description="how long a dataset is kept before somebody says whether it still serves",
    )
    verify_key_server: bool = Field(
        default=True, description="have the key server prove that it used the key of its public one"
    )
    objects_url: str = Field(
        default="",
        pattern=r"^(|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)$",
        description="where a site keeps de-identified instances: '' is a folder of the home; "
        "s3://BUCKET/PREFIX a bucket that keeps no versions",
    )
    objects_copies_gb: int = Field(
        default=20, ge=1, description="gigabytes of copies kept in the home of what is in that bucket"
    )
    s3_endpoint: str = Field(
        default="",
        pattern=r"^(|https://[^/\s@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?)$",
        description="'' is Amazon's; https://HOST:PORT another store that speaks S3",
    )
    s3_region: str = Field(default="", description="'' is what the environment says")
    s3_credentials: str = Field(
        default="",
        description="file of mode 0400 with aws_access_key_id and aws_secret_access_key under [default]; "
        "'' takes them from the environment or the machine's instance profile",
    )
    query_memory: str = Field(default="2GB", pattern=r"^[0-9]+(MB|GB)$", description="DuckDB's memory limit")
    training_cache: str = Field(
        default="",
        pattern=r"^(|[0-9]+(MB|GB|TB))$",
        description="room for series as they were decoded for training, such as 50GB; '' keeps none",
    )
    query_seconds: int = Field(default=60, ge=1, description="longest a researcher's query may run")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 — the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which `Home.open` passes as the initial values."""
        return env_settings, init_settings


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
