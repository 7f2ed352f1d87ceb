"""Datasets are kept until a day, which an officer moves with a reason, within the retention period."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.audit import trail
from federim.governance.retention.calendar import later
from federim.governance.retention.datasets import Sort, datasets
from federim.governance.retention.reviews import review
from federim.lake import snapshot
from federim.model.errors import InputError, NotAllowed, UnknownName

if TYPE_CHECKING:
    from conftest import Centre


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 3, 31), 1, date(2026, 4, 30)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), -240, date(2004, 2, 29)),
        (date(2026, 1, 15), -1, date(2025, 12, 15)),
        (date(2026, 12, 15), 13, date(2028, 1, 15)),
    ],
)
def test_months_are_the_calendars(day: date, months: int, expected: date) -> None:
    assert later(day, months) == expected


@given(day=st.dates(date(1950, 1, 1), date(2200, 1, 1)), months=st.integers(-600, 600))
def test_months_there_and_back_never_end_later(day: date, months: int) -> None:
    there = later(day, months)
    assert (there.year * 12 + there.month) - (day.year * 12 + day.month) == months
    assert day.day - 3 <= later(there, -months).day <= day.day


def test_a_snapshot_is_due_two_years_after_it_was_made(centre: Centre, now: datetime) -> None:
    [each] = [each for each in datasets(centre.home) if each.sort is Sort.SNAPSHOT]
    assert each.made == now.date()
    assert each.review_by == later(each.made, 24) and each.at_most == later(each.made, 240)
    assert not each.overdue(each.review_by)
    assert each.overdue(later(each.review_by, 1))


def test_a_review_moves_the_day_and_is_in_the_trail(centre: Centre, now: datetime) -> None:
    [frozen] = snapshot.every(centre.home)
    until = later(now.date(), 60)
    review(centre.home, "olga", frozen.id, keep_until=until, reason=" the study goes on ", now=now)
    [each] = [each for each in datasets(centre.home) if each.name == frozen.id]
    assert each.review_by == until
    [event] = trail.events(centre.home, act="retention.review")
    assert event.detail == {"dataset": frozen.id, "keep_until": until.isoformat()}
    sooner = later(now.date(), 1)
    review(centre.home, "olga", frozen.id, keep_until=sooner, reason="it ends", now=now)
    assert [each.review_by for each in datasets(centre.home) if each.name == frozen.id] == [sooner]


def test_nothing_is_kept_beyond_the_retention_period(centre: Centre, now: datetime) -> None:
    [frozen] = snapshot.every(centre.home)
    longest = later(now.date(), 240)
    review(centre.home, "olga", frozen.id, keep_until=longest, reason="a register", now=now)
    for day in (later(longest, 1), later(now.date(), -1)):
        with pytest.raises(InputError, match="20 years"):
            review(centre.home, "olga", frozen.id, keep_until=day, reason="a register", now=now)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_review_has_a_reason(centre: Centre, now: datetime, reason: str) -> None:
    [frozen] = snapshot.every(centre.home)
    with pytest.raises(InputError, match="reason"):
        review(centre.home, "olga", frozen.id, keep_until=now.date(), reason=reason, now=now)


def test_what_is_no_dataset_is_refused(centre: Centre, now: datetime) -> None:
    with pytest.raises(UnknownName):
        review(centre.home, "olga", "nothing", keep_until=now.date(), reason="because", now=now)


@pytest.mark.parametrize("actor", ["ada", "carl", "nobody"])
def test_only_an_officer_says_how_long(centre: Centre, now: datetime, actor: str) -> None:
    [frozen] = snapshot.every(centre.home)
    with pytest.raises(NotAllowed):
        review(centre.home, actor, frozen.id, keep_until=now.date(), reason="because", now=now)
