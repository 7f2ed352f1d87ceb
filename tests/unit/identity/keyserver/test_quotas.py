"""A site has so many points a minute, a day and an epoch, whatever order and pauses it asks in."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from federim.identity.keyserver.quotas import Limit, Refusal, Spending, outgrew, spend
from federim.identity.keyserver.sites import Site

SITE = Site.of_size("alpha", 1_000_000, per_minute=2_000, per_day=10_000, ceiling=30_000)
FULL = Spending(at=0.0, minute=2_000.0, day=10_000.0, total=0)


@given(
    questions=st.lists(st.tuples(st.floats(-50_000, 200_000), st.sampled_from([10, 100, 1000])), max_size=120)
)
def test_no_window_of_time_has_more_than_twice_its_quota(questions: list[tuple[float, int]]) -> None:
    left, now, granted = FULL, 0.0, list[tuple[float, int]]()
    for passed, points in questions:
        now += passed  # clocks are set back, too
        answer = spend(SITE, left, points, now)
        if isinstance(answer, Spending):
            left = answer
            granted.append((now, points))
    assert sum(points for _, points in granted) == left.total <= SITE.ceiling
    latest = float("-inf")
    true_times = [(latest := max(latest, at), points) for at, points in granted]
    for window, quota in ((60.0, SITE.per_minute), (86_400.0, SITE.per_day)):
        for begin, _ in true_times:
            assert sum(points for at, points in true_times if begin <= at <= begin + window) <= 2 * quota + 1


@given(points=st.sampled_from([10, 100, 1000]), minute=st.floats(0, 2_000), day=st.floats(0, 10_000))
def test_who_waits_as_long_as_told_is_granted(points: int, minute: float, day: float) -> None:
    left = Spending(at=0.0, minute=minute, day=day, total=0)
    for _ in range(2):  # the day's quota, then the minute's
        answer = spend(SITE, left, points, left.at)
        if isinstance(answer, Refusal):
            assert answer.retry_after is not None
            waited = spend(SITE, left, points, answer.retry_after + 0.001)
            assert not isinstance(waited, Refusal) or waited.limit is not answer.limit


def test_each_limit_says_its_name_and_a_refusal_takes_nothing() -> None:
    no_minute = Spending(at=0.0, minute=999.0, day=10_000.0, total=0)
    assert spend(SITE, no_minute, 1000, 0.0) == Refusal(Limit.MINUTE, 1 * 60 / 2_000)
    no_day = Spending(at=0.0, minute=2_000.0, day=0.0, total=0)
    assert spend(SITE, no_day, 1000, 0.0) == Refusal(Limit.DAY, 1000 * 86_400 / 10_000)
    no_epoch = Spending(at=0.0, minute=2_000.0, day=10_000.0, total=29_990)
    assert spend(SITE, no_epoch, 100, 0.0) == Refusal(Limit.CEILING, None)
    assert isinstance(spend(SITE, no_epoch, 10, 0.0), Spending)


def test_a_clock_set_back_and_forth_gives_nothing() -> None:
    left = spend(SITE, FULL, 1000, 1000.0)
    assert isinstance(left, Spending)
    back = spend(SITE, left, 1000, 0.0)
    assert isinstance(back, Spending)
    assert spend(SITE, back, 10, 1000.0) == Refusal(Limit.MINUTE, 10 * 60 / 2_000)


def test_a_site_that_outgrows_its_patients_is_told_of_at_each_doubling() -> None:
    site = Site.of_size("alpha", 1_000)
    told = [after for before, after in pairwise(range(0, 20_001, 1000)) if outgrew(site, before, after)]
    assert told == [2_000, 4_000, 8_000, 16_000]


def test_a_site_can_link_its_patients_in_days_and_never_enumerate_the_ins() -> None:
    for patients in (1_000, 100_000, 2_000_000):
        site = Site.of_size("alpha", patients)
        assert site.per_day * 7 >= patients
        assert site.ceiling >= 2 * patients
        assert site.ceiling < 68_000_000 / 5
