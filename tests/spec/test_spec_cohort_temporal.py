"""First, last, closest, and windows around a criterion: with ties, nulls and dates that lie elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from federim.model.cohort import Criterion, Index
from federim.model.criteria import (
    above,
    condition,
    days,
    drug,
    feature,
    measurement,
    procedure,
    segment,
    series,
)

CREATININE = """
person
person_id
P1
P2

image_occurrence
person_id | SeriesInstanceUID | SeriesDate
P1        | S1                | 2021-03-10
P2        | S2                | 2021-03-10

measurement
person_id | measurement_source_value | measurement_date | measurement_datetime | value_as_number | unit
P1        | 2160-0                   | 2021-03-08       |                      | 1               | umol/L
P1        | 2160-0                   | 2021-03-08       | 2021-03-08T09:00     | 2               | umol/L
P1        | 2160-0                   | 2021-03-08       | 2021-03-08T07:00     | 3               | umol/L
P1        | 2160-0                   | 2021-03-12       | 2021-03-12T07:00     | 4               | umol/L
P1        | 2160-0                   | 2021-03-12       |                      | 5               | umol/L
P1        | 2160-0                   | 2021-03-10       |                      |                 | umol/L
P2        | 2160-0                   |                  |                      | 3               | umol/L
"""


@pytest.mark.parametrize(
    ("which", "within", "value"),
    [
        ("first", None, 3),  # of 8 March the earliest instant
        ("last", None, 4),  # of 12 March the one that has an instant
        ("closest", None, 3),  # 2 days before and 2 days after: the earlier; 10 March has no number
        ("closest", (0, 5), 4),  # the earliest instant of 12 March
        ("last", (5, 0), 2),  # of 8 March the latest instant
    ],
)
def test_one_result_is_chosen_by_day_then_instant(
    cohort_test: Any, which: str, within: Any, value: int
) -> None:
    for wanted in range(1, 6):
        chosen = measurement("2160-0", wanted, unit="umol/L", which=which, within_days=within)
        expected = {"P1": "2021-03-10"} if wanted == value else {}
        cohort_test(CREATININE, series() & chosen, expected, index=Index.SERIES)


TIED = """
person
person_id
P1

image_occurrence
person_id | SeriesInstanceUID | SeriesDate
P1        | S1                | 2021-03-10

condition_occurrence
person_id | condition_source_value | condition_start_date
P1        | C34                    | 2021-03-07
P1        | C34                    | 2021-03-13
P1        | C34                    | 2021-03-30
P1        | C34                    |

drug_exposure
person_id | drug_source_value | drug_exposure_start_date
P1        | V08               | 2021-03-06
P1        | V09               | 2021-03-14
P1        | V10               | 2021-03-31
"""


@pytest.mark.parametrize(
    ("which", "code"), [("any", "V08"), ("first", "V08"), ("closest", "V08"), ("last", "V10")]
)
def test_a_window_is_around_the_day_of_the_one_chosen(cohort_test: Any, which: str, code: str) -> None:
    for given in ("V08", "V09", "V10"):
        cancer = condition("C34", which=which, called="cancer")
        near = drug(given, within_days=days(before=1, after=1, of="cancer"))
        expected = {"P1": "2021-03-10"} if given == code else {}
        cohort_test(TIED, series() & cancer & near, expected, index=Index.SERIES)


def test_a_window_around_a_criterion_needs_no_index(cohort_test: Any) -> None:
    cancer = condition("C34", called="cancer")
    for days_after, expected in ((24, {"P1": None}), (23, {})):
        near = drug("V10", within_days=days(after=days_after, of="cancer"))
        cohort_test(TIED, cancer & near, expected)


def test_what_is_dated_by_another_may_date_a_third(cohort_test: Any) -> None:
    chain = (
        condition("C34", called="one", which="last")
        & drug("V10", called="two", within_days=days(after=1, of="one"))
        & series(within_days=days(before=21, of="two"))
    )
    cohort_test(TIED, chain, {"P1": None})
    cohort_test(TIED, chain & drug("V08", within_days=days(before=24, of="two")), {})


SCANS = """
person
person_id
P1
P2

image_occurrence
person_id | SeriesInstanceUID | StudyInstanceUID | Modality | SeriesDate
P1        | S1                | T1               | CT       | 2021-03-10
P1        | S2                | T1               | CT       | 2021-03-10
P1        | S3                | T3               | CT       | 2021-04-10
P1        | S4                | T4               | CT       |
P2        | S5                | T5               | CT       |

study
person_id | StudyInstanceUID | StudyDate
P1        | T1               | 2021-03-10
P2        | T5               | 2021-03-10

volume_geometry
person_id | SeriesInstanceUID | regular
P1        | S1                | false
P1        | S2                | true
P1        | S3                | true

procedure_occurrence
person_id | procedure_source_value | procedure_date
P1        | ZBQK002                | 2021-03-11
P2        | ZBQK002                | 2021-03-11

image_feature
person_id | feature_source_value | value_as_number | unit_source_value | SeriesInstanceUID | StudyInstanceUID
P1        | volume               | 10              | mm3               | S1                | T1
P1        | volume               | 20              | mm3               | S3                |
P2        | volume               | 30              | mm3               | S5                | T5
P2        | diameter             | 5               | mm                |                   |

segment
person_id | category_code | volume_mm3 | source_SeriesInstanceUID
P1        | 49755003      | 100        | S3
P2        | 49755003      | 50         |
"""


def test_a_chosen_series_is_the_cohorts_only_one(cohort_test: Any) -> None:
    for criterion, kept in (
        (series(Modality="CT", which="first"), "S1"),
        (series(regular=True, which="first"), "S2"),
        (series(Modality="CT", which="last"), "S3"),
    ):
        cohort_test(SCANS, criterion, {"P1": None}, series={kept})


def test_the_series_closest_to_an_act(cohort_test: Any) -> None:
    act = procedure("ZBQK002", called="act")
    closest = series(Modality="CT", which="closest", within_days=days(before=None, after=None, of="act"))
    cohort_test(SCANS, act & closest, {"P1": None}, series={"S1"})


@pytest.mark.parametrize(
    ("criterion", "persons"),
    [
        (feature("volume", above(5), unit="mm3"), ["P1", "P2"]),
        (feature("volume", above(15), unit="mm3", which="first"), ["P2"]),  # dated by its study
        (feature("volume", above(15), unit="mm3", which="last"), ["P1", "P2"]),
        (feature("diameter", above(1), unit="mm"), ["P2"]),
        (feature("diameter", above(1), unit="mm", which="first"), []),  # of no day
        (segment(category_code="49755003"), ["P1", "P2"]),
        (segment(category_code="49755003", volume_mm3=above(60)), ["P1"]),
        (segment(category_code="49755003", which="last"), ["P1"]),
    ],
)
def test_what_was_measured_on_an_image_has_the_day_of_the_image(
    cohort_test: Any, criterion: Criterion, persons: list[str]
) -> None:
    cohort_test(SCANS, criterion, dict.fromkeys(persons))


def test_a_feature_within_days_of_an_act(cohort_test: Any) -> None:
    act = procedure("ZBQK002", called="act")
    for before, persons in ((1, ["P1", "P2"]), (0, [])):
        near = feature("volume", within_days=days(before=before, of="act"))
        cohort_test(SCANS, act & near, dict.fromkeys(persons))
