"""Count what is parked, without reading any of it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from federim.home import Home
from federim_pipelines.parked.lot import ParkingLot


@dataclass
class Counts:
    """How much waits, and since when."""

    waiting: Counter[str] = field(default_factory=Counter)  # pieces, by the source that reads them
    bytes: int = 0  # of those, encrypted
    since: dt.datetime | None = None  # when the first of them was parked, UTC
    damaged: int = 0  # pieces that cannot be opened
    refused: int = 0  # pieces that the lake refused in the end, kept

    def as_json(self) -> dict[str, Any]:
        """The counts as the documented JSON document."""
        return {
            "waiting": dict(sorted(self.waiting.items())),
            "bytes": self.bytes,
            "since": None if self.since is None else self.since.isoformat(timespec="seconds"),
            "damaged": self.damaged,
            "refused": self.refused,
        }


def counted(home: Home) -> Counts:
    """What waits in a home's parking lot now."""
    counts = Counts()
    for bay in ParkingLot(home).bays():
        counts.refused += len(bay.refused)
        counts.damaged += bay.damaged
        for piece in bay.waiting():
            found = piece.path.stat()
            parked = dt.datetime.fromtimestamp(found.st_mtime, dt.UTC)
            counts.waiting[piece.header.source] += 1
            counts.bytes += found.st_size
            counts.since = parked if counts.since is None else min(counts.since, parked)
    return counts
