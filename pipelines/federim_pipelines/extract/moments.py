"""Read the dates of clinical records and move them by the person's own number of whole days."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

_PARTIAL = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2]))?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HL7 = re.compile(r"([0-9]{4}|[0-9]{6}|[0-9]{8}|[0-9]{10}|[0-9]{12}|[0-9]{14})(\.[0-9]{1,6})?([+-][0-9]{4})?")

_HL7_BIRTH = re.compile(r"(?P<year>\d{4})(?P<month>\d\d)?(?P<day>\d\d)?\d*(\.\d+)?([+-]\d{4})?")


@dataclass(frozen=True, slots=True)
class Moment:
    """A day and, where the source tells it, the instant, by the clock on the wall where it happened."""

    date: dt.date | None = None
    datetime: dt.datetime | None = None

    def shifted(self, days: int) -> Moment:
        """This moment `days` later (earlier if negative); the time of day stays.

        Raises
        ------
        Unusable
            It falls out of the calendar.
        """
        move = dt.timedelta(days=days)
        try:
            return Moment(
                None if self.date is None else self.date + move,
                None if self.datetime is None else self.datetime + move,
            )
        except OverflowError:
            raise Unusable(Reason.DATE_UNUSABLE, "a date next to the end of the calendar") from None


def of_fhir(resource: dict[str, Any], *elements: str) -> Moment:
    """The first of `elements` that the resource has; a Period gives its start.

    A year or a month alone cannot be moved by days, so it gives no date. A time zone is dropped: the
    hour of a specimen matters as it was lived.

    Raises
    ------
    Unusable
        It is no FHIR date, dateTime, instant or Period.

    References
    ----------
    HL7 FHIR R4, 2.24.0.1, primitive types.
    """
    for element in elements:
        value = resource.get(element)
        if isinstance(value, dict):
            value = value.get("start")
        if value is not None:
            return _read(value, element)
    return Moment()


def end_of_fhir(resource: dict[str, Any], element: str) -> Moment:
    """The end of a Period, no date where it is still open.

    Raises
    ------
    Unusable
        It is no FHIR dateTime.
    """
    value = resource.get(element)
    end = value.get("end") if isinstance(value, dict) else None
    return Moment() if end is None else _read(end, f"{element}.end")


def of_hl7(text: str, element: str) -> Moment:
    """A time stamp of HL7 v2 or of CDA, YYYY[MM[DD[HH[MM[SS[.S]]]]]][+ZZZZ].

    A year or a month alone gives no date, and a time zone is dropped, as in `of_fhir`.

    Parameters
    ----------
    element : str
        The field or element it stands in, for the refusal.

    Raises
    ------
    Unusable
        It is no time stamp.

    References
    ----------
    HL7 v2.5, 2.A.22, DTM; HL7 v3 data types R1, 3.8, Point in Time.
    """
    match = _HL7.fullmatch(text.strip())
    if match is None:
        raise Unusable(Reason.DATE_UNUSABLE, element)
    digits = match[1]
    if len(digits) < len("YYYYMMDD"):
        return Moment()
    try:
        day = dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
        if len(digits) == len("YYYYMMDD"):
            return Moment(day)
        hour, minute, second = (int(digits[at : at + 2] or 0) for at in (8, 10, 12))
        fraction = dt.timedelta(seconds=float(match[2] or 0))
        return Moment(day, dt.datetime.combine(day, dt.time(hour, minute, second)) + fraction)
    except ValueError:
        raise Unusable(Reason.DATE_UNUSABLE, element) from None


def birth_of_fhir(patient: dict[str, Any]) -> dt.date | None:
    """The birth date; 1 January or the first of the month where the source tells no more.

    Raises
    ------
    Unusable
        It is no FHIR date.
    """
    text = patient.get("birthDate")
    if text is None:
        return None
    if isinstance(text, str) and _PARTIAL.fullmatch(text):
        text = f"{text}-01-01"[: len("YYYY-MM-DD")]
    return _read(text, "birthDate").date


def birth_of_hl7(text: str, element: str) -> tuple[dt.date | None, bool]:
    """A birth date, the first of the year or month where it tells no more, and whether it tells the month.

    Raises
    ------
    Unusable
        It is no date.
    """
    if not text:
        return None, False
    told = _HL7_BIRTH.fullmatch(text)
    if told is None:
        raise Unusable(Reason.DATE_UNUSABLE, element)
    # In France a birth whose day or month nobody knows is written with 00.
    month, day = int(told["month"] or 0), int(told["day"] or 0)
    try:
        return dt.date(int(told["year"]), month or 1, day or 1), month > 0
    except ValueError:
        raise Unusable(Reason.DATE_UNUSABLE, element) from None


def _read(value: Any, element: str) -> Moment:
    if isinstance(value, str):
        if _PARTIAL.fullmatch(value):
            return Moment()
        try:
            if _DAY.fullmatch(value):
                return Moment(dt.date.fromisoformat(value))
            if _DAY.match(value):
                instant = dt.datetime.fromisoformat(value).replace(tzinfo=None)
                return Moment(instant.date(), instant)
        except ValueError:
            pass  # refused below, without the value that ValueError quotes
    raise Unusable(Reason.DATE_UNUSABLE, element)
