"""Keep decoded series within what a site allows them, the least recently used going first."""

from __future__ import annotations

import heapq
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from federim.home import Home
from federim.lake.arrays import kept
from federim.lake.arrays.sealed import SEAL

_UNITS: Final = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_LOOK_AGAIN: Final = 16  # after a sixteenth of the room was filled: other processes fill it too


def allowed(home: Home) -> int:
    """Bytes that decoded series may take, from the home's settings; 0 keeps none."""
    said = re.fullmatch(r"([0-9]+)([MGT]B)", home.settings.training_cache)
    return int(said[1]) * _UNITS[said[2]] if said else 0


def used(array: Path) -> None:
    """Note that an array was read just now."""
    with suppress(OSError):  # it went, or the disk is read-only
        os.utime(array / SEAL)


class Room:
    """How much of the room is taken, as this process knows."""

    def __init__(self, home: Home, limit: int) -> None:
        self._home, self._limit = home, limit
        self._taken = 0
        self._by_use: list[tuple[float, str, int]] = []
        self._until_look = 0

    def make(self, size: int, *, sparing: Path) -> bool:
        """Make room for an array of `size` bytes; False where there is none.

        What lies below `sparing` stays. It is read from its first series to its last each time: of more than
        fits, the least recently used is the next that is asked for, and none would ever be found.
        """
        if self._until_look <= 0:
            self._look(sparing)
        while self._taken + size > self._limit and self._by_use:
            _, oldest, freed = heapq.heappop(self._by_use)
            kept.remove(self._home, Path(oldest))
            with suppress(OSError):  # their person has others
                Path(oldest).parent.rmdir()
            self._taken -= freed
        if self._taken + size > self._limit:
            return False
        self._taken += size
        self._until_look -= size
        return True

    def _look(self, sparing: Path) -> None:
        self._taken, self._by_use = 0, []
        for array in kept.arrays(self._home):
            with suppress(FileNotFoundError):
                size = kept.size(array)
                self._taken += size
                if sparing not in array.parents:
                    self._by_use.append(((array / SEAL).stat().st_mtime, str(array), size))
        heapq.heapify(self._by_use)
        self._until_look = self._limit // _LOOK_AGAIN
