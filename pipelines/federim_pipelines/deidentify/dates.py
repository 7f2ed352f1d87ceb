"""Move dates by whole days, and reduce a birth date to what research may know."""

from __future__ import annotations

import re
from datetime import date, timedelta

OLDEST_AGE = 90  # this age and every older one are one group: so few people are that old that it names them
# What stands where an object must have a date and may not tell one. Days that a move could take there are
# lost; the first of a later century would not do, since others let it stand for no date as well.
DUMMY_DAY = date(1800, 1, 1)

_LONGEST_MOVE = timedelta(days=365)
_DAYS_A_MONTH, _DAYS_A_YEAR = 30.436875, 365.2425  # of the Gregorian calendar's 400 years, on average
_MONTHS_A_YEAR = 12

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


def shift_date(text: str, days: int, *, was: int = 0) -> str | None:
    """A DA value moved by `days`, as `YYYYMMDD`; None if it cannot be read or is not to be moved.

    Parameters
    ----------
    was : int
        By how many days `text` was moved before, which is taken back.
    """
    parsed = parse_date(text)
    moved = None if parsed is None else _moved(parsed, days, was)
    return None if moved is None else f"{moved:%Y%m%d}".zfill(8)


def shift_datetime(text: str, days: int, *, was: int = 0) -> str | None:
    """A DT value moved by `days`; time of day, fraction, UTC offset and precision stay as they are.

    A value without a day is moved by as many whole months, or years, as come nearest. None if it cannot be
    read or is not to be moved. `was` is as for `shift_date`.

    References
    ----------
    DICOM PS3.5, Table 6.2-1 (DT).
    """
    match = _DATETIME.fullmatch(text.strip(" \0"))
    if match is None:
        return None
    year, month, day = match["year"], match["month"], match["day"]
    offset = match["offset"] or ""
    try:
        parsed = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    if not month:
        return f"{parsed.year + _nearest(days, was, _DAYS_A_YEAR):04d}{offset}" if _movable(parsed) else None
    if not day:
        count = parsed.year * _MONTHS_A_YEAR + parsed.month - 1 + _nearest(days, was, _DAYS_A_MONTH)
        told = f"{count // _MONTHS_A_YEAR:04d}{count % _MONTHS_A_YEAR + 1:02d}{offset}"
        return told if _movable(parsed) else None
    moved = _moved(parsed, days, was)
    return None if moved is None else f"{moved:%Y%m%d}".zfill(8) + (match["time"] or "") + offset


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


def _moved(day: date, days: int, was: int) -> date | None:
    """A day moved, if every person's would be: whether a date stays must not hang on whose it is.

    Those that some would move out of the calendar go, and so do those that some would move on the dummy.
    """
    if days == was:
        return day
    try:
        original = day - timedelta(days=was)
        near_dummy = DUMMY_DAY < original <= DUMMY_DAY + _LONGEST_MOVE
        return None if near_dummy or not _movable(original) else original + timedelta(days=days)
    except OverflowError:
        return None


def _movable(day: date) -> bool:
    return date.min + _LONGEST_MOVE <= day <= date.max - _LONGEST_MOVE


def _nearest(days: int, was: int, unit: float) -> int:
    """By how many whole units of so many days a period moves."""
    return round(days / unit) - round(was / unit)
