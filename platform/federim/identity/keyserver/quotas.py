"""Let a site ask for so many points a minute, a day and an epoch, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from federim.identity.keyserver.sites import Site

_MINUTE, _DAY = 60.0, 86_400.0


class Limit(StrEnum):
    """What a site has asked too much of."""

    MINUTE = "minute"
    DAY = "day"
    CEILING = "ceiling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """How much a site may still ask for, as of a moment: two token buckets and a sum.

    A bucket fills evenly, and holds what one minute or day allows; so in no day can a site have more than
    twice its quota, once.
    """

    at: float  # seconds since 1970
    minute: float  # points left
    day: float
    total: int  # points evaluated in this epoch


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which limit, and the seconds after which the same question fits it; None where none will."""

    limit: Limit
    retry_after: float | None


# The sums whose reaching is told of: the site's own size twice over, and each doubling of it.
_ALARM_AT_SIZES: Final = 2


def spend(site: Site, spent: Spending, points: int, now: float) -> Spending | Refusal:
    """What is left once a site has had `points` more; a refused question takes nothing."""
    # A clock that is set back and forth fills nothing twice.
    now = max(now, spent.at)
    passed = now - spent.at
    minute = min(site.per_minute, spent.minute + passed * site.per_minute / _MINUTE)
    day = min(site.per_day, spent.day + passed * site.per_day / _DAY)
    if spent.total + points > site.ceiling:
        return Refusal(Limit.CEILING, None)
    for limit, left, most, seconds in (
        (Limit.DAY, day, site.per_day, _DAY),
        (Limit.MINUTE, minute, site.per_minute, _MINUTE),
    ):
        if points > left:
            return Refusal(limit, (points - left) * seconds / most if points <= most else None)
    return Spending(at=now, minute=minute - points, day=day - points, total=spent.total + points)


def outgrew(site: Site, before: int, after: int) -> bool:
    """Whether a sum of points reached, just now, more than a site of that size explains."""
    mark = _ALARM_AT_SIZES * max(site.patients, 1)
    while mark <= before:
        mark *= 2
    return after >= mark
