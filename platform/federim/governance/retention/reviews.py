"""Say that a dataset still serves, why, and until when it is kept."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from federim.audit.trail import acting
from federim.database import alias
from federim.governance.members import member_named
from federim.governance.models import RelevanceReview
from federim.governance.permissions import check_can_keep
from federim.governance.retention.calendar import later
from federim.governance.retention.datasets import datasets
from federim.home import Home, Role
from federim.model.errors import InputError, UnknownName

LONGEST_REASON: Final = 500


def review(
    home: Home, actor: str, name: str, *, keep_until: date, reason: str, now: datetime
) -> RelevanceReview:
    """Keep a dataset until a day; the latest review counts.

    Raises
    ------
    NotAllowed
        The actor is no officer of this site.
    UnknownName
        There is no such dataset, or no more.
    InputError
        The day is over, or beyond the retention period; no reason is given, or a long one.
    """
    check_can_keep(member_named(home.require(Role.SITE), actor))
    found = {each.name: each for each in datasets(home)}
    if name not in found:
        raise UnknownName("dataset", name, found)
    _check_day(home, keep_until, at_most=found[name].at_most, today=now.date())
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise InputError(
            f"reason: {len(reason)} characters; expected 1 to {LONGEST_REASON} that say what it serves for"
        )
    with acting(home, actor, "retention.review", dataset=name, keep_until=keep_until.isoformat()):
        return RelevanceReview.objects.using(alias(home)).create(
            dataset=name,
            reason=reason.strip(),
            keep_until=keep_until,
            reviewed_by=actor,
            reviewed_at=now,
        )


def _check_day(home: Home, day: date, *, at_most: date | None, today: date) -> None:
    years = home.settings.retention_years
    longest = at_most or later(today, 12 * years)
    if not today <= day <= longest:
        raise InputError(
            f"keep until {day}: expected a day from {today} to {longest}, since nothing is kept for more "
            f"than {years} years (setting retention_years)"
        )
