"""A query asks for what a PACS can match, a day at a time."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.model.errors import InputError, UnknownName
from federim_pipelines.sources.pacs.query import by_day, check_query


@given(st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1)), st.integers(0, 40))
def test_a_range_is_asked_day_by_day_and_no_day_twice(first: dt.date, more: int) -> None:
    last = first + dt.timedelta(days=more)
    query = {"StudyDate": f"{first:%Y%m%d}-{last:%Y%m%d}", "ModalitiesInStudy": "CT"}
    days = list(by_day(query))
    assert [each["StudyDate"] for each in days] == [
        f"{first + dt.timedelta(days=number):%Y%m%d}" for number in range(more + 1)
    ]
    assert {each["ModalitiesInStudy"] for each in days} == {"CT"}


def test_a_range_without_an_end_ends_today() -> None:
    today = dt.datetime.now().astimezone().date()
    days = list(by_day({"StudyDate": f"{today - dt.timedelta(days=2):%Y%m%d}-"}))
    assert days[-1] == {"StudyDate": f"{today:%Y%m%d}"}
    assert len(days) == 3


@pytest.mark.parametrize("value", ["20240301", "-20240301"])
def test_what_is_no_range_with_a_start_is_asked_as_it_is(value: str) -> None:
    assert list(by_day({"StudyDate": value})) == [{"StudyDate": value}]


@pytest.mark.parametrize(
    "value", ["20240231-20240301", "20240302-20240301", "2024-03-01", "20241301-", "yesterday", ""]
)
def test_what_is_no_date_is_refused_without_being_repeated(value: str) -> None:
    with pytest.raises(InputError, match="StudyDate") as refused:
        check_query({"StudyDate": value})
    assert not value or value not in str(refused.value)


def test_a_misspelt_attribute_is_told_its_neighbour() -> None:
    with pytest.raises(UnknownName, match="did you mean 'ModalitiesInStudy'"):
        check_query({"ModalityInStudy": "CT"})


def test_the_whole_pacs_is_not_asked_for() -> None:
    with pytest.raises(InputError, match="whole PACS"):
        check_query({})
