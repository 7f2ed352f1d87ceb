"""Count in whole months, as retention periods are."""

from __future__ import annotations

from calendar import monthrange
from datetime import date


def later(day: date, months: int) -> date:
    """The same day so many months later, or earlier; the last of the month where it has no such day."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
