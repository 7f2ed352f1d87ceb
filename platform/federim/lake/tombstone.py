"""Say, where a snapshot was, which one stands in its place, and prove that the site itself said so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from federim import signed
from federim.home import Home
from federim.keys import canonical
from federim.lake.storage import sync, write_once
from federim.model.errors import FederimError, VerificationFailed

TOMBSTONE: Final = "tombstone.json"
KIND: Final = "tombstone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """A snapshot that is no more, and its revision, if it has one; by id and by sha256.

    It says of nobody why.
    """

    snapshot: str
    sha256: str
    into: str = ""
    into_sha256: str = ""


def bury(home: Home, tombstone: Tombstone) -> None:
    """Leave of a snapshot its tombstone alone; the same again changes nothing."""
    folder = home.snapshots / tombstone.snapshot
    document = canonical(signed.sign(home, KIND, asdict(tombstone)))
    write_once(folder / TOMBSTONE, document, beside=home.snapshots)
    _leave_alone(folder)


def finish(home: Home) -> None:
    """Complete what a killed process began to bury."""
    for path in home.snapshots.glob(f"*/{TOMBSTONE}"):
        _leave_alone(path.parent)


def every(home: Home) -> dict[str, Tombstone]:
    """The home's tombstones, by the id of the snapshot that was.

    Raises
    ------
    VerificationFailed
        One is not what this site signed.
    """
    return {path.parent.name: _read(home, path) for path in home.snapshots.glob(f"*/{TOMBSTONE}")}


def heir(tombstones: Mapping[str, Tombstone], snapshot: str) -> str:
    """The id of the snapshot that stands now for the one of this id; empty where none does.

    Its own, where it was not revised.
    """
    while snapshot in tombstones:
        snapshot = tombstones[snapshot].into
    return snapshot


def _leave_alone(folder: Path) -> None:
    for file in folder.iterdir():
        if file.name != TOMBSTONE:
            file.unlink()
    sync(folder)


def _read(home: Home, path: Path) -> Tombstone:
    what = f"snapshot {path.parent.name}: {TOMBSTONE}"
    try:
        document = json.loads(path.read_bytes())
        signer = signed.check(home.trust_roots, document, KIND, what=what)
        tombstone = Tombstone(**{name: document[name] for name in Tombstone.__slots__})
    except (FederimError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise VerificationFailed(f"{what} is not as this site signed it ({type(error).__name__})") from None
    if signer != home.name or tombstone.snapshot != path.parent.name:
        raise VerificationFailed(f"{what} is of another site, or of another snapshot")
    return tombstone
