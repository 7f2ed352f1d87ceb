"""Studies are fetched in the hours that a site allows."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.model.errors import InputError
from federim_pipelines.sources.pacs.throttle import Hours, Throttle

MOMENTS = st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2026, 1, 1))
TIMES = st.times().map(lambda time: time.replace(second=0, microsecond=0))
HOURS = st.tuples(TIMES, TIMES).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: Hours(*pair))
NOW = dt.timedelta()


@pytest.mark.parametrize(
    ("at", "wait"),
    [("19:59", "0:01"), ("20:00", "0:00"), ("23:59", "0:00"), ("06:29", "0:00"), ("06:30", "13:30")],
)
def test_a_night_begins_in_the_evening_and_ends_in_the_morning(at: str, wait: str) -> None:
    hours, minutes = map(int, wait.split(":"))
    moment = dt.datetime.combine(dt.date(2024, 3, 5), dt.time.fromisoformat(at))
    assert Hours.parse("20:00-06:30").until_open(moment) == dt.timedelta(hours=hours, minutes=minutes)


@given(HOURS, MOMENTS)
def test_whoever_waits_as_told_comes_just_as_they_begin(hours: Hours, at: dt.datetime) -> None:
    wait = hours.until_open(at)
    assert NOW <= wait < dt.timedelta(days=1)
    assert hours.until_open(at + wait) == NOW
    if wait:
        assert (at + wait).time() == hours.start
        assert hours.until_open(at + wait - dt.timedelta(microseconds=1)) > NOW


@given(HOURS, MOMENTS)
def test_the_rest_of_the_day_is_the_rest_of_the_day(hours: Hours, at: dt.datetime) -> None:
    rest = Hours(hours.end, hours.start)
    assert (hours.until_open(at) == NOW) != (rest.until_open(at) == NOW)


@given(st.lists(HOURS, max_size=3), MOMENTS)
def test_of_several_hours_the_first_to_begin_counts(hours: list[Hours], at: dt.datetime) -> None:
    waits = [each.until_open(at) for each in hours]
    assert Throttle(hours=hours).until_open(at) == (min(waits) if waits else NOW)


@pytest.mark.parametrize("text", ["", "20-06", "20:00", "24:00-06:00", "20:00-20:00", "20:00-06:60"])
def test_what_is_no_part_of_a_day_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match=r"such as 20:00-06:30"):
        Hours.parse(text)
