"""Notice what a site that only links its own patients does not do, and tell the key server's operator."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Final

from federim.identity.keyserver.ledger import Ledger
from federim.identity.keyserver.quotas import Limit

_QUIET_SECONDS: Final = 60.0
_LOGGER: Final = logging.getLogger(__name__)


class Alarm(StrEnum):
    """What is noticed."""

    DAY = "day-quota"
    CEILING = "ceiling"
    OUTGROWN = "more-than-its-patients"
    STRANGER = "unknown-certificate"  # the consortium's authority signed it, and it is no site's
    UNVOUCHED = "refused-certificate"  # no certificate, or one that no authority of ours signed
    MALFORMED = "malformed-question"


# A minute's quota only slows a first ingest down.
BY_LIMIT: Final = {Limit.DAY: Alarm.DAY, Limit.CEILING: Alarm.CEILING}


class Alarms:
    """Puts alarms into the log, on the error output and, where one is named, at the end of a file.

    The same alarm of the same site counts once a minute: who knocks all night must not fill the disk.
    """

    def __init__(
        self, ledger: Ledger, file: Path | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._file = file
        self._clock = clock
        self._last: dict[tuple[Alarm, str], float] = {}
        self._one_at_a_time = threading.Lock()

    def sound(
        self, alarm: Alarm, *, site: str = "", epoch: int = 0, points: int = 0, certificate: str = ""
    ) -> None:
        """Tell, unless the same was told less than a minute ago."""
        with self._one_at_a_time:
            now = self._clock()
            if now - self._last.get((alarm, site), -_QUIET_SECONDS) < _QUIET_SECONDS:
                return
            self._last[alarm, site] = now
            entry = self._ledger.alarm(alarm, site=site, epoch=epoch, points=points, certificate=certificate)
            line = {key: value for key, value in asdict(entry).items() if key != "previous"}
            _LOGGER.warning("alarm %s %s epoch %d points %d", alarm, site or certificate, epoch, points)
            if self._file is not None:
                self._add_to_file(self._file, line)

    @staticmethod
    def _add_to_file(path: Path, line: dict[str, str | int]) -> None:
        try:
            with path.open("a") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            # The alarm is in the log; sites are answered all the same.
            _LOGGER.error("alarm file %s: cannot be written to (%s)", path, type(error).__name__)
