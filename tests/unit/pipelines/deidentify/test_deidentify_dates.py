"""Days move, all by the same number; nothing finer than a day does."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim_pipelines.deidentify.dates import (
    age_at,
    parse_date,
    readable_time,
    shift_date,
    shift_datetime,
    year_of_birth,
)

SHIFTS = st.integers(-365, -1)
DAYS = st.dates(date(1902, 1, 1), date(2100, 12, 31))


@given(DAYS, DAYS, SHIFTS)
def test_the_interval_between_two_dates_is_kept(first: date, second: date, days: int) -> None:
    moved = [parse_date(shift_date(f"{day:%Y%m%d}", days) or "") for day in (first, second)]
    assert moved[0] is not None and moved[1] is not None
    assert moved[1] - moved[0] == second - first
    assert moved[0] != first


@given(
    st.datetimes(datetime(1902, 1, 1), datetime(2100, 1, 1)), SHIFTS, st.sampled_from(["", "+0100", "-0330"])
)
def test_a_datetime_keeps_its_time_of_day_and_offset(moment: datetime, days: int, offset: str) -> None:
    told = f"{moment:%Y%m%d%H%M%S.%f}{offset}"
    moved = shift_datetime(told, days)
    assert moved == f"{moment + timedelta(days=days):%Y%m%d}" + told[8:]


@pytest.mark.parametrize(
    ("told", "moved"),
    [
        ("2024", "2024"),  # from the middle of the year
        ("202403", "202312"),  # from the middle of the month
        ("20240301", "20231122"),
        ("2024030110", "2023112210"),
        ("20240301101530+0200", "20231122101530+0200"),
        ("20240301101530.123456-0500", "20231122101530.123456-0500"),
        ("202403+0100", "202312+0100"),
    ],
)
def test_a_partial_datetime_keeps_its_precision(told: str, moved: str) -> None:
    assert shift_datetime(told, -100) == moved


@pytest.mark.parametrize(
    "told", ["", "20240230", "2024-03-01", "yesterday", "20240301256161", "20240301+9900", "0"]
)
def test_what_is_no_datetime_is_not_moved(told: str) -> None:
    assert shift_datetime(told, -1) is None


@pytest.mark.parametrize("told", ["", "20240230", "2024", "Martin", "20240301-20240302", "2024.3.1"])
def test_what_is_no_date_is_not_moved(told: str) -> None:
    assert shift_date(told, -1) is None


def test_an_acr_nema_date_comes_out_in_todays_form() -> None:
    assert shift_date("2024.03.01", -1) == "20240229"


def test_a_date_that_would_leave_the_calendar_is_removed() -> None:
    assert shift_date("00010101", -1) is None


@pytest.mark.parametrize("told", ["10", "1015", "101530", "101530.5", "10:15:30", "235960"])
def test_times_are_read(told: str) -> None:
    assert readable_time(told)


@pytest.mark.parametrize("told", ["", "24", "1060", "Martin", "101530.", "101530.1234567"])
def test_other_words_are_no_times(told: str) -> None:
    assert not readable_time(told)


@pytest.mark.parametrize(("born", "year"), [(1952, 1952), (1936, 1936), (1935, 1936), (1899, 1936)])
def test_everyone_of_90_and_over_shares_a_year_of_birth(born: int, year: int) -> None:
    assert year_of_birth(date(born, 5, 1), 2026) == year


@pytest.mark.parametrize(
    ("day", "age"),
    [(date(2024, 3, 13), 71), (date(2024, 3, 14), 72), (date(2060, 1, 1), 90), (date(1950, 1, 1), None)],
)
def test_age_is_in_completed_years(day: date, age: int | None) -> None:
    assert age_at(date(1952, 3, 14), day) == age


@given(st.dates(date(2, 1, 1), date(9998, 12, 31)), SHIFTS, SHIFTS, st.sampled_from(["%Y", "%Y%m", "%Y%m%d"]))
def test_a_moved_date_moves_on_as_if_it_had_never_been_moved(
    day: date, before: int, after: int, precision: str
) -> None:
    told = day.strftime(precision).zfill(len("0001") + precision.count("%") * 2 - 2)
    moved = shift_datetime(told, before)
    if moved is None:
        assert shift_datetime(told, after) is None
    else:
        assert shift_datetime(moved, after, was=before) == shift_datetime(told, after)


@given(st.dates(date(1800, 1, 2), date(1801, 1, 1)), SHIFTS)
def test_no_day_is_moved_that_could_fall_on_the_dummy(day: date, days: int) -> None:
    assert shift_date(f"{day:%Y%m%d}", days) is None


def test_the_dummy_of_a_device_moves_like_any_other_day() -> None:
    assert shift_date("18000101", -1) == "17991231"
