"""What the lake remembers of a record: what it said, in which version, and which rows it brought."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from federim.lake.declaration import OnRepeat, Table

UNTOLD: Final = bytes(16)
"""What a record says of which nobody knows it any more: its object is no more, or its person keyed anew.

Whatever is read of it again is what it was.
"""


class Place(NamedTuple):
    """Where a row is: its table, its bucket there, and the values of its key."""

    table: str
    bucket: int
    key: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Entered:
    """A record that entered the lake, or was withdrawn from it.

    One without a version is never replaced, and its rows are not remembered.
    """

    content: bytes  # 16 bytes: the digest of what it says
    version: int | None = None
    places: tuple[Place, ...] = ()
    subject: bytes | None = None  # 16 bytes, keyed: whom it tells of; none once it is withdrawn

    def places_as_text(self) -> str | None:
        """Its places as the index keeps them."""
        return json.dumps(self.places, separators=(",", ":")) if self.places else None

    @classmethod
    def read(
        cls, content: bytes, version: int | None, places: str | None, subject: bytes | None = None
    ) -> Self:
        """What the index keeps, as it was."""
        told = (Place(table, bucket, tuple(key)) for table, bucket, key in json.loads(places or "[]"))
        return cls(content, version, tuple(told), subject)


def may_go(table: Table) -> bool:
    """Whether a table's rows belong to one record each, and so go with it.

    Persons, studies and series are told of by many records.
    """
    return table.person and table.on_repeat is OnRepeat.SKIP


def by_table(places: Iterable[Place]) -> dict[str, dict[tuple[Any, ...], int]]:
    """Places as table → key → bucket."""
    found: dict[str, dict[tuple[Any, ...], int]] = {}
    for place in places:
        found.setdefault(place.table, {})[place.key] = place.bucket
    return found
