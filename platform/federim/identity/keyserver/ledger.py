"""Count what each site asks for before it is evaluated, in a file that outlives a restart."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from federim.identity.keyserver import log
from federim.identity.keyserver.log import EVALUATED, Entry, Log
from federim.identity.keyserver.quotas import Refusal, Spending, outgrew, spend
from federim.identity.keyserver.sites import Site
from federim.keys import SigningKey, write_private
from federim.model.errors import HomeError, StorageFull, VerificationFailed

NAME: Final = "counts.sqlite3"
_BUSY_SECONDS: Final = 10
_TABLES: Final = (
    "CREATE TABLE bucket (site TEXT PRIMARY KEY, at REAL NOT NULL, minute REAL NOT NULL, day REAL NOT NULL) "
    "STRICT",
    "CREATE TABLE total (site TEXT NOT NULL, epoch INTEGER NOT NULL, points INTEGER NOT NULL, "
    "PRIMARY KEY (site, epoch)) STRICT",
)


@dataclass(frozen=True, slots=True)
class Granted:
    """A question that its site's limits allow."""

    outgrown: bool  # with it, the site has asked for more than its size explains


class Ledger:
    """The quotas and the log of one key server. Threads may share it, and processes the file.

    Parameters
    ----------
    clock : callable
        Seconds since 1970.

    Raises
    ------
    HomeError
        From every method: the file is damaged or locked. What cannot be counted is not to be evaluated.
    StorageFull
        From every method: the disk is full.
    """

    def __init__(self, folder: Path, signing: SigningKey, clock: Callable[[], float] = time.time) -> None:
        path = folder / NAME
        with contextlib.suppress(FileExistsError):
            write_private(path, b"")
        self._clock = clock
        self._one_at_a_time = threading.Lock()
        self._connection = sqlite3.connect(
            path, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False
        )
        self._log = Log(self._connection, signing)
        try:
            with _plain_errors():
                self._connection.execute("PRAGMA journal_mode = WAL")
                # FULL: a power cut must give no quota back.
                self._connection.execute("PRAGMA synchronous = FULL")
            with self._transaction("IMMEDIATE"):
                if not self._connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
                    for statement in (*log.TABLES, *_TABLES):
                        self._connection.execute(statement)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def ask(self, site: Site, epoch: int, points: int) -> Granted | Refusal:
        """Count points that are about to be evaluated, unless one of the site's limits forbids them."""
        with self._transaction("IMMEDIATE"):
            now = self._clock()
            spent = self._spent(site, epoch, now)
            left = spend(site, spent, points, now)
            if isinstance(left, Refusal):
                return left
            self._connection.execute(
                "INSERT OR REPLACE INTO bucket (site, at, minute, day) VALUES (?, ?, ?, ?)",
                (site.name, left.at, left.minute, left.day),
            )
            self._connection.execute(
                "INSERT OR REPLACE INTO total (site, epoch, points) VALUES (?, ?, ?)",
                (site.name, epoch, left.total),
            )
            self._log.append(now, EVALUATED, site=site.name, epoch=epoch, points=points)
        return Granted(outgrew(site, spent.total, left.total))

    def alarm(self, kind: str, *, site: str, epoch: int, points: int, certificate: str) -> Entry:
        """Put an alarm into the log."""
        with self._transaction("IMMEDIATE"):
            return self._log.append(
                self._clock(), kind, site=site, epoch=epoch, points=points, certificate=certificate
            )

    def alarms(self) -> list[Entry]:
        """Every alarm there was, the latest last."""
        with self._transaction("DEFERRED"):
            return self._log.alarms()

    def totals(self) -> dict[tuple[str, int], int]:
        """Points evaluated, by site and epoch, once every line of the log was checked.

        Raises
        ------
        VerificationFailed
            A line was changed, or the lines do not add up to the sums that the limits rest on.
        """
        with self._transaction("DEFERRED"):  # of one moment, while others write on
            summed = self._log.verify()
            kept = {
                (site, epoch): points
                for site, epoch, points in self._connection.execute("SELECT site, epoch, points FROM total")
            }
        if summed != kept:
            raise VerificationFailed(f"{NAME}: its lines do not add up to the sums that limits rest on")
        return kept

    def _spent(self, site: Site, epoch: int, now: float) -> Spending:
        at, minute, day = self._connection.execute(
            "SELECT at, minute, day FROM bucket WHERE site = ?", (site.name,)
        ).fetchone() or (now, float(site.per_minute), float(site.per_day))
        (total,) = self._connection.execute(
            "SELECT points FROM total WHERE site = ? AND epoch = ?", (site.name, epoch)
        ).fetchone() or (0,)
        return Spending(at=at, minute=minute, day=day, total=total)

    @contextlib.contextmanager
    def _transaction(self, kind: str) -> Iterator[None]:
        with self._one_at_a_time, _plain_errors():
            self._connection.execute(f"BEGIN {kind}")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        if name == "SQLITE_FULL":
            raise StorageFull(f"{NAME}: the disk is full; make room, and sites go on by themselves") from None
        raise HomeError(f"{NAME}: SQLite answers {name}; nothing is evaluated that is not counted") from None
