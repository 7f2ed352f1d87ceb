"""Read the dates of HL7 v2 messages: moments, births, and the order messages were sent in."""

from __future__ import annotations

import datetime as dt
import re

from federim_pipelines.extract.moments import Moment, of_hl7
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

_BIRTH = re.compile(r"(?P<year>\d{4})(?P<month>\d\d)?(?P<day>\d\d)?\d*(\.\d+)?([+-]\d{4})?")


def first_of(*told: tuple[str, str]) -> Moment:
    """The first moment that one of several fields tells, each given with its name; none if none does.

    Raises
    ------
    Unusable
        A field before the one that tells it holds something else.

    References
    ----------
    HL7 v2.5, 2.A.22 (DTM), 2.A.77 (TS).
    """
    for text, where in told:
        if text and (moment := of_hl7(text, where)).date is not None:
            return moment
    return Moment()


def birth_of(text: str, where: str) -> tuple[dt.date | None, bool]:
    """A birth date, the first of the year or month where it tells no more, and whether it tells the month.

    Raises
    ------
    Unusable
        It is no date.
    """
    if not text:
        return None, False
    told = _BIRTH.fullmatch(text)
    if told is None:
        raise Unusable(Reason.DATE_UNUSABLE, where)
    # In France a birth whose day or month nobody knows is written with 00.
    month, day = int(told["month"] or 0), int(told["day"] or 0)
    try:
        return dt.date(int(told["year"]), month or 1, day or 1), month > 0
    except ValueError:
        raise Unusable(Reason.DATE_UNUSABLE, where) from None


def instant_of(text: str) -> int | None:
    """A moment as a number that later ones exceed, yyyymmddHHMMSSmmm; None where it tells no day."""
    try:
        moment = of_hl7(text, "")
    except Unusable:
        return None
    if moment.date is None:
        return None
    at = moment.datetime or dt.datetime.combine(moment.date, dt.time())
    return int(f"{at:%Y%m%d%H%M%S}{at.microsecond // 1000:03d}")
