"""Keep pictures of what was refused where the site can look at them, and find again those of one person."""

from __future__ import annotations

from pathlib import Path

from federim.home import Home
from federim.keys import keyed
from federim.lake.storage import sync, write_once
from federim.model.identifiers import Pseudonym


def show(home: Home, quarantine_id: str, picture: bytes, person_id: Pseudonym) -> None:
    """Leave a picture of what was refused, under a name that tells nothing to who lacks the home's key."""
    folder = home.pictures
    folder.mkdir(mode=0o700, exist_ok=True)
    write_once(folder / f"{quarantine_id}.{_of(home, person_id)}.png", picture, beside=folder)


def of(home: Home, person_id: Pseudonym) -> list[Path]:
    """The pictures of one person."""
    return sorted(home.pictures.glob(f"*.{_of(home, person_id)}.png"))


def renamed(home: Home, old: Pseudonym, new: Pseudonym) -> None:
    """Have the pictures of a person found by another pseudonym."""
    for path in of(home, old):
        path.rename(path.with_name(path.name.replace(_of(home, old), _of(home, new))))


def forget(home: Home, person_id: Pseudonym) -> int:
    """Remove the pictures of a person; returns how many."""
    found = of(home, person_id)
    for path in found:
        path.unlink()
    if found:
        sync(home.pictures)
    return len(found)


def _of(home: Home, person_id: Pseudonym) -> str:
    return keyed(home.secret("pictures"), person_id)[:16].hex()
