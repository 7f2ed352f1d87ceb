"""Read the dates of HL7 v2 messages: moments, births, and the order messages were sent in."""

from __future__ import annotations

import datetime as dt

from federim_pipelines.extract.moments import Moment, of_hl7
from federim_pipelines.extract.unusable import Unusable


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
