"""Dates of clinical records."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim_pipelines.extract.moments import Moment, birth_of_fhir, of_fhir
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason


@pytest.mark.parametrize(
    ("told", "date", "instant"),
    [
        ("2024-02-29", dt.date(2024, 2, 29), None),
        ("2024-03-31T23:59:59+02:00", dt.date(2024, 3, 31), dt.datetime(2024, 3, 31, 23, 59, 59)),
        ("2024-03-31T00:10:00Z", dt.date(2024, 3, 31), dt.datetime(2024, 3, 31, 0, 10)),
        ("2010-07-12T02:24:38.710-07:00", dt.date(2010, 7, 12), dt.datetime(2010, 7, 12, 2, 24, 38, 710_000)),
        ("2024", None, None),
        ("2024-02", None, None),
    ],
)
def test_a_fhir_date_is_read_by_the_clock_on_the_wall(
    told: str, date: dt.date | None, instant: dt.datetime | None
) -> None:
    assert of_fhir({"effectiveDateTime": told}, "effectiveDateTime") == Moment(date, instant)


def test_a_period_gives_its_start() -> None:
    resource = {"performedPeriod": {"start": "2013-07-17", "end": "2013-07-20"}}
    assert of_fhir(resource, "performedDateTime", "performedPeriod").date == dt.date(2013, 7, 17)


def test_the_first_element_there_is_wins() -> None:
    resource = {"recordedDate": "2020-01-02", "onsetDateTime": "2019-12-31"}
    assert of_fhir(resource, "onsetDateTime", "recordedDate").date == dt.date(2019, 12, 31)


@pytest.mark.parametrize(
    "told", ["2024-02-30", "yesterday, Mrs Martin", "20240101", "2024-13", 20240101, ["2024"]]
)
def test_what_is_no_date_is_refused_by_the_name_of_its_element_alone(told: object) -> None:
    with pytest.raises(Unusable) as caught:
        of_fhir({"onsetDateTime": told}, "onsetDateTime")
    assert (caught.value.reason, caught.value.detail) == (Reason.DATE_UNUSABLE, "onsetDateTime")
    assert str(told) not in str(caught.value)


@given(
    day=st.dates(dt.date(1900, 1, 1)),
    other=st.dates(dt.date(1900, 1, 1)),
    days=st.integers(-365, -1),
)
def test_moving_keeps_intervals_and_the_time_of_day(day: dt.date, other: dt.date, days: int) -> None:
    at = dt.time(23, 59, 59)
    one, two = (Moment(each, dt.datetime.combine(each, at)).shifted(days) for each in (day, other))
    assert one.date is not None
    assert two.date is not None
    assert one.datetime is not None
    assert one.date - two.date == day - other
    assert one.datetime == dt.datetime.combine(one.date, at)


def test_a_date_that_falls_out_of_the_calendar_is_refused() -> None:
    with pytest.raises(Unusable, match="calendar"):
        Moment(dt.date(1, 1, 1)).shifted(-1)


@pytest.mark.parametrize(("told", "year"), [("1961", 1961), ("1961-04", 1961), ("1961-04-09", 1961)])
def test_a_birth_date_may_be_partial(told: str, year: int) -> None:
    born = birth_of_fhir({"birthDate": told})
    assert born is not None
    assert born.year == year
