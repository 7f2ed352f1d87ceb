"""Move dates by whole days, and reduce a birth date to what research may know."""

from __future__ import annotations

import re
from datetime import date, timedelta

OLDEST_AGE = 90  # this age and every older one are one group: so few people are that old that it names them

_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)|(\d{4})\.(\d\d)\.(\d\d)")
_TIME = re.compile(r"([01]\d|2[0-3])(:?[0-5]\d(:?([0-5]\d|60)(\.\d{1,6})?)?)?")
_DATETIME = re.compile(
    r"(?P<year>\d{4})((?P<month>\d\d)((?P<day>\d\d)(?P<time>([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?)?)?)?"
    r"(?P<offset>[+-](0\d|1[0-4])[0-5]\d)?"
)


def parse_date(text: str) -> date | None:
    """The day a DA value names, `YYYYMMDD` or the older `YYYY.MM.DD`; None if it names none.

    References
    ----------
    DICOM PS3.5, Table 6.2-1 (DA) and its note on ACR-NEMA.
    """
    match = _DATE.fullmatch(text.strip(" \0"))
    if match is None:
        return None
    year, month, day = (int(part) for part in match.groups() if part is not None)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def shift_date(text: str, days: int) -> str | None:
    """A DA value moved by `days`, as `YYYYMMDD`; None if it cannot be read or falls out of the calendar."""
    parsed = parse_date(text)
    moved = None if parsed is None else _moved(parsed, days)
    return None if moved is None else f"{moved:%Y%m%d}".zfill(8)


def shift_datetime(text: str, days: int) -> str | None:
    """A DT value moved by `days`; time of day, fraction, UTC offset and precision stay as they are.

    A value without a day is moved from the middle of the period it names, and keeps its precision.
    None if it cannot be read or falls out of the calendar.

    References
    ----------
    DICOM PS3.5, Table 6.2-1 (DT).
    """
    match = _DATETIME.fullmatch(text.strip(" \0"))
    if match is None:
        return None
    year, month, day = match["year"], match["month"], match["day"]
    try:
        parsed = date(int(year), int(month or 7), int(day or (15 if month else 1)))
    except ValueError:
        return None
    moved = _moved(parsed, days)
    if moved is None:
        return None
    digits = f"{moved:%Y%m%d}".zfill(8)[: 8 if day else 6 if month else 4]
    return digits + (match["time"] or "") + (match["offset"] or "")


def readable_time(text: str) -> bool:
    """Whether `text` is a TM value: `HHMMSS.FFFFFF` or a leading part of it, or with ACR-NEMA's colons."""
    return _TIME.fullmatch(text.strip(" \0")) is not None


def year_of_birth(birth: date, reference_year: int) -> int:
    """Year of birth, no earlier than `OLDEST_AGE` years before `reference_year`."""
    return max(birth.year, reference_year - OLDEST_AGE)


def age_at(birth: date, day: date) -> int | None:
    """Completed years from `birth` to `day`, `OLDEST_AGE` at most; None before birth."""
    years = day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
    return None if years < 0 else min(years, OLDEST_AGE)


def _moved(day: date, days: int) -> date | None:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None
