"""A workspace as its site signed it: one project's tables, and until when they may be opened."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from federim import signed
from federim.home import Home, Role
from federim.lake.declaration import Table
from federim.lake.schema import TABLES
from federim.lake.snapshot_folder import PinnedFile, file_sha256
from federim.lake.workspace_tables import narrowed
from federim.model.errors import NotApproved, VerificationFailed
from federim.trust.roots import TrustKind, TrustRoots

DOCUMENT: Final = "workspace.json"
KIND: Final = "workspace"

_FILE: Final = re.compile(r"lake/([a-z_]+)/[0-9]{6}(?:-[0-9]+)?\.parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """What a site put into one project's workspace.

    Attributes
    ----------
    id : str
        32 hexadecimal digits, by which its site knows it.
    revision : int
        How often persons were taken out of it.
    snapshot_sha256 : str
        The frozen cohort that was granted.
    tables : table to columns
    objects : int
        DICOM instances; each is named by its sha256, which table `instance_file` lists.
    ends : date
        Last day on which it may be opened.
    files : tuple of PinnedFile
        Every Parquet file, `path` relative to the workspace's home.
    """

    id: str
    revision: int
    project: str
    request: str
    site: str
    snapshot_sha256: str
    tables: Mapping[str, tuple[str, ...]]
    pixels: bool
    objects: int
    ends: date
    files: tuple[PinnedFile, ...]

    def as_document(self) -> dict[str, Any]:
        """What is signed."""
        return {
            "id": self.id,
            "revision": self.revision,
            "project": self.project,
            "request": self.request,
            "site": self.site,
            "snapshot_sha256": self.snapshot_sha256,
            "tables": {name: list(columns) for name, columns in self.tables.items()},
            "pixels": self.pixels,
            "objects": self.objects,
            "ends": self.ends.isoformat(),
            "files": [{"path": each.path, "sha256": each.sha256, "rows": each.rows} for each in self.files],
        }

    @property
    def declared(self) -> dict[str, Table]:
        """The declarations of its tables, by name."""
        return narrowed(self.tables, pixels=self.pixels)

    def paths(self, home: Home) -> dict[str, list[Path]]:
        """Its Parquet files by table; a table without a row has none."""
        found: dict[str, list[Path]] = {name: [] for name in self.tables}
        for file in self.files:
            found[table_of(file.path)].append(home.root / file.path)
        return found


def present(home: Home) -> bool:
    """Whether a workspace was built in this home.

    Raises
    ------
    VerificationFailed
        It was, and the document that says what it holds is gone.
    """
    if home.settings.role is not Role.WORKSPACE:
        return False
    if (home.root / DOCUMENT).exists():
        return True
    if any(home.lake.glob("*/*.parquet")):
        raise VerificationFailed(f"{DOCUMENT} is missing; ask the site to build the workspace again")
    return False


def named(home: Home) -> str:
    """By which id the workspace in a home calls itself, signed or not; empty where it does not."""
    try:
        return str(json.loads((home.root / DOCUMENT).read_bytes())["id"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def tables(home: Home) -> dict[str, Table]:
    """What may be read in a home: every table of the lake, or in a workspace what was granted.

    Raises
    ------
    NotApproved, VerificationFailed
        As `read`.
    """
    return read(home).declared if present(home) else TABLES


def read(home: Home, *, roots: TrustRoots | None = None) -> Workspace:
    """What the site signed; its files are not looked at.

    Parameters
    ----------
    roots : whose signatures count, the home's own where nothing is given

    Raises
    ------
    NotApproved
        Its signer is not trusted here as a site.
    VerificationFailed
        It is missing, or was changed after it was signed.
    """
    home.require(Role.WORKSPACE)
    try:
        document = json.loads((home.root / DOCUMENT).read_bytes())
        if not isinstance(document, dict):
            raise TypeError
    except FileNotFoundError:
        raise VerificationFailed(
            f"{DOCUMENT} is missing; ask the site to build the workspace again"
        ) from None
    except (ValueError, TypeError):
        raise VerificationFailed(f"{DOCUMENT} is not what a site writes") from None
    signer = signed.check(roots or home.trust_roots, document, KIND, kinds={TrustKind.SITE}, what=DOCUMENT)
    try:
        found = Workspace(
            id=document["id"],
            revision=document["revision"],
            project=document["project"],
            request=document["request"],
            site=document["site"],
            snapshot_sha256=document["snapshot_sha256"],
            tables={name: tuple(columns) for name, columns in document["tables"].items()},
            pixels=document["pixels"],
            objects=document["objects"],
            ends=date.fromisoformat(document["ends"]),
            files=tuple(PinnedFile(**file) for file in document["files"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise VerificationFailed(f"{DOCUMENT} is not what a site writes") from None
    if signer == home.name:  # whose own word counts in its own home, but not for this
        raise NotApproved(f"{DOCUMENT}: it is signed by the workspace itself, not by the site that built it")
    if found.site != signer:
        raise VerificationFailed(f"{DOCUMENT}: it is signed by another home than the site it names")
    if any(table_of(file.path) not in found.tables for file in found.files):
        raise VerificationFailed(f"{DOCUMENT}: it lists a file of a table that was not granted")
    return found


def open_checked(home: Home, *, today: date | None = None) -> Workspace:
    """The workspace, once each of its files is found to be what was signed: one hash of each.

    Raises
    ------
    NotApproved
        Its last day is over; or as `read`.
    VerificationFailed
        A file is missing or was changed; or as `read`.
    """
    found = read(home)
    if (today or datetime.now(UTC).date()) > found.ends:
        raise NotApproved(
            f"the workspace of project {found.project} could be opened until {found.ends:%Y-%m-%d}; "
            "ask for an amendment of the request, or have the site remove it"
        )
    check_files(home, found)
    return found


def check_files(home: Home, found: Workspace) -> None:
    """Raise `VerificationFailed` unless each file is what was signed; the message names it."""
    for file in found.files:
        path = home.root / file.path
        if not path.is_file():
            raise VerificationFailed(f"{file.path} is missing; ask the site to build the workspace again")
        if file_sha256(path) != file.sha256:
            raise VerificationFailed(
                f"{file.path} was changed since the site signed it; ask the site to build the workspace again"
            )


def table_of(path: str) -> str:
    """The table a file is of; raise `VerificationFailed` where it is not called as one."""
    matched = _FILE.fullmatch(path)
    if matched is None:
        raise VerificationFailed(f"{DOCUMENT}: it lists a file that is none of a workspace's tables")
    return matched[1]
