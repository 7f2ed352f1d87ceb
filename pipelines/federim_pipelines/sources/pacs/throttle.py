"""Keep out of the way of clinical work: fetch at night, with pauses."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from federim.model.errors import InputError

_HOURS = re.compile(r"([0-9]{2}:[0-9]{2})-([0-9]{2}:[0-9]{2})")
_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of each day by the clock of this machine, over midnight if it ends before it starts."""

    start: dt.time
    end: dt.time

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Read `20:00-06:30`.

        Raises
        ------
        InputError
            It is written otherwise, or is empty.
        """
        match = _HOURS.fullmatch(text)
        try:
            if match is not None and match[1] != match[2]:
                return cls(dt.time.fromisoformat(match[1]), dt.time.fromisoformat(match[2]))
        except ValueError:
            pass
        raise InputError(f"hours {text!r}: expected HH:MM-HH:MM, such as 20:00-06:30")

    def until_open(self, at: dt.datetime) -> dt.timedelta:
        """How long after `at` they begin; nothing if they have."""
        clock = at.time()
        inside = (
            self.start <= clock < self.end
            if self.start < self.end
            else clock >= self.start or clock < self.end
        )
        if inside:
            return dt.timedelta()
        start = dt.datetime.combine(at.date(), self.start)
        return (start - at) if start > at else (start + _DAY - at)


@dataclass(frozen=True, slots=True)
class Throttle:
    """When the next study may be asked for, and how many at a time.

    A study that has begun is fetched to its end, even if the hours end meanwhile.
    """

    hours: Sequence[Hours] = ()  # any time if there are none
    pause: float = 0.0  # seconds between two studies
    associations: int = 1

    def until_open(self, at: dt.datetime) -> dt.timedelta:
        """How long after `at`, in the clock of this machine, studies may be fetched."""
        return min((each.until_open(at) for each in self.hours), default=dt.timedelta())

    def wait(self) -> None:
        """Return when the next study may be asked for."""
        time.sleep(self.pause)
        self.wait_until_open()

    def wait_until_open(self) -> None:
        """Return when the PACS may be asked for anything."""
        while closed := self.until_open(dt.datetime.now()):
            # Not all at once: the clock may be put forward or back.
            time.sleep(min(closed.total_seconds(), 60.0))
