"""Write down how many points each site had, and every alarm, as lines that are signed one after another."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from federim.keys import SigningKey, canonical, check_signature
from federim.model.errors import VerificationFailed

EVALUATED: Final = "evaluated"
GENESIS: Final = "0" * 64
"""What the first line names as the hash before its own."""

TABLES: Final = (
    "CREATE TABLE entry (sequence INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, "
    "site TEXT NOT NULL, epoch INTEGER NOT NULL, points INTEGER NOT NULL, certificate TEXT NOT NULL, "
    "previous TEXT NOT NULL, hash TEXT NOT NULL, signature TEXT NOT NULL) STRICT",
    "CREATE TRIGGER entry_stays BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'append-only'); END",
    "CREATE TRIGGER entry_is_final BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'append-only'); END",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: points that were evaluated, or an alarm of that kind. Never a point."""

    sequence: int
    at: str  # UTC
    kind: str
    site: str  # '' where a certificate is nobody's
    epoch: int  # 0 where none was asked for
    points: int
    certificate: str  # SHA-256 of one that is nobody's; '' otherwise
    previous: str

    @property
    def claim(self) -> bytes:
        """What is hashed, and signed."""
        return canonical({"key server's count": asdict(self)})


class Log:
    """The lines, in a database whose transactions are the caller's."""

    def __init__(self, connection: sqlite3.Connection, signing: SigningKey) -> None:
        self._connection = connection
        self._signing = signing

    def append(
        self, now: float, kind: str, *, site: str, epoch: int, points: int, certificate: str = ""
    ) -> Entry:
        """Write one more line. Inside a transaction that alone writes."""
        query = "SELECT sequence, hash FROM entry ORDER BY sequence DESC LIMIT 1"
        last, previous = self._connection.execute(query).fetchone() or (0, GENESIS)
        entry = Entry(
            sequence=last + 1,
            at=datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
            kind=kind,
            site=site,
            epoch=epoch,
            points=points,
            certificate=certificate,
            previous=previous,
        )
        columns = asdict(entry) | {
            "hash": hashlib.sha256(entry.claim).hexdigest(),
            "signature": self._signing.sign(entry.claim),
        }
        self._connection.execute(
            f"INSERT INTO entry ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
            tuple(columns.values()),
        )
        return entry

    def alarms(self) -> list[Entry]:
        """Every line that is an alarm, the latest last."""
        return [entry for entry, _ in self._lines("kind <> ?", EVALUATED)]

    def verify(self) -> dict[tuple[str, int], int]:
        """Check each line; returns what they add up to, by site and epoch.

        Raises
        ------
        VerificationFailed
            A line was changed, taken out or put in.
        """
        sums: dict[tuple[str, int], int] = {}
        previous = GENESIS
        for number, (entry, signature) in enumerate(self._lines("true"), start=1):
            if (entry.sequence, entry.previous) != (number, previous):
                raise VerificationFailed(f"key server's log: line {number} does not follow the one before it")
            what = f"key server's log, line {number}"
            check_signature(self._signing.public, signature, entry.claim, what=what)
            previous = hashlib.sha256(entry.claim).hexdigest()
            if entry.kind == EVALUATED:
                sums[entry.site, entry.epoch] = sums.get((entry.site, entry.epoch), 0) + entry.points
        return sums

    def _lines(self, condition: str, *parameters: str) -> list[tuple[Entry, str]]:
        names = list(Entry.__dataclass_fields__)
        query = f"SELECT {', '.join(names)}, signature FROM entry WHERE {condition} ORDER BY sequence"
        return [
            (Entry(**dict(zip(names, row, strict=True))), signature)
            for *row, signature in self._connection.execute(query, parameters)
        ]
