"""Derive what a pipeline may know of a person: a pseudonym, and the keys of their dates and UIDs."""

from __future__ import annotations

from typing import Final

from federim.keys import keyed
from federim.model.identifiers import Pseudonym, Subject

PSEUDONYM_DIGITS: Final = 32
LONGEST_SHIFT_DAYS: Final = 365


def subject(person_id: Pseudonym, seed: bytes, *, linked: bool, doubts: tuple[str, ...] = ()) -> Subject:
    """What derives from a person's seed; a local one's is made with the site's key, and so all of it is."""
    return Subject(
        person_id=person_id,
        linked=linked,
        date_shift_days=shift_days(seed),
        uid_key=keyed(seed, "uid"),
        doubts=doubts,
    )


def shift_days(secret: bytes) -> int:
    """By how many whole days a person's dates move: 1 to 365 into the past."""
    return -1 - int.from_bytes(keyed(secret, "date-shift")) % LONGEST_SHIFT_DAYS


def pseudonym(key: bytes, secret: bytes) -> Pseudonym:
    """What stands for whoever has `secret`, among those who share `key`."""
    return Pseudonym(keyed(key, secret).hex()[:PSEUDONYM_DIGITS])
