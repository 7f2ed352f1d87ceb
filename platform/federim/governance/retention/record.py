"""What a purge takes away, or would, and the signed record of it: which datasets, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from federim import signed
from federim.governance import documents
from federim.home import Home
from federim.keys import replace_private
from federim.lake.purging import Expired
from federim.model.errors import VerificationFailed
from federim.signed import Document

KIND: Final = "purge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What goes.

    Attributes
    ----------
    snapshots, releases : names of datasets that go as a whole
    revised : ids of snapshots that lose some of what they pin, as they were called before
    tables : rows of the live tables, by table
    objects : int
        Stored objects.
    persons, persons_in_part : int
        Of whom nothing is left, and of whom something is.
    """

    snapshots: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    revised: tuple[str, ...] = ()
    tables: Mapping[str, int] = field(default_factory=dict)
    objects: int = 0
    persons: int = 0
    persons_in_part: int = 0

    @classmethod
    def of(cls, expired: Expired, *, revised: Sequence[str]) -> Self:
        """What goes of some persons."""
        return cls(
            revised=tuple(revised),
            tables=expired.tables,
            objects=expired.objects,
            persons=len(expired.whole),
            persons_in_part=len(expired.part),
        )

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        names = {name: tuple(document[name]) for name in ("snapshots", "releases", "revised")}
        return cls(**{**document, **names})

    def __add__(self, other: Purged) -> Purged:
        return Purged(
            snapshots=tuple(sorted({*self.snapshots, *other.snapshots})),
            releases=tuple(sorted({*self.releases, *other.releases})),
            revised=tuple(sorted({*self.revised, *other.revised})),
            tables=dict(Counter(self.tables) + Counter(other.tables)),
            objects=self.objects + other.objects,
            persons=self.persons + other.persons,
            persons_in_part=self.persons_in_part + other.persons_in_part,
        )

    @property
    def anything(self) -> bool:
        """Whether there is anything to take away."""
        return self != Purged()

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)

    def counts(self) -> dict[str, int]:
        """What the audit trail says."""
        return {
            "snapshots": len(self.snapshots),
            "releases": len(self.releases),
            "revised": len(self.revised),
            "rows": sum(self.tables.values()),
            "objects": self.objects,
            "persons": self.persons,
            "persons_in_part": self.persons_in_part,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeRecord:
    """What a purge did, of which day it went by, and how many expired rows a search found afterwards: 0."""

    id: str
    day: str
    begun_at: str
    ended_at: str
    purged: Purged
    rows_left: int

    def as_json(self) -> dict[str, Any]:
        """The record for programs."""
        facts = {"id": self.id, "day": self.day, "begun_at": self.begun_at, "ended_at": self.ended_at}
        return {**facts, **self.purged.as_json(), "rows_left": self.rows_left}


def keep(home: Home, record: PurgeRecord) -> None:
    """Write the record to `purges/ID.json`, signed by the site."""
    home.purges.mkdir(mode=0o700, exist_ok=True)
    document = signed.sign(home, KIND, {"record": record.as_json()})
    replace_private(home.purges / f"{record.id}.json", documents.as_bytes(document))


def records(home: Home) -> list[Document]:
    """All records of the home's purges, the oldest first.

    Raises
    ------
    VerificationFailed
        One is not as this site signed it.
    """
    found = [documents.read(path) for path in sorted(home.purges.glob("*.json"))]
    for document in found:
        if signed.check(home.trust_roots, document, KIND, what="a purge record") != home.name:
            raise VerificationFailed("a purge record is signed by another home")
    return sorted(found, key=lambda document: str(document["signed_at"]))
