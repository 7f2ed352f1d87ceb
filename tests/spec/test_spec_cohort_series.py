"""Series criteria: which persons, and which of their series, are in the cohort."""

from __future__ import annotations

from typing import Any

from federim.model.cohort import Index
from federim.model.criteria import above, at_least, at_most, between, person, series, starts_with

SERIES = """
person
person_id | year_of_birth
P1        | 1950
P2        | 1980
P3        |

image_occurrence
person_id | StudyInstanceUID | SeriesInstanceUID | Modality | SliceThickness | SeriesDate
P1        | S1               | S1                | CT       | 1.0            | 2021-03-01
P1        | S1               | S2                | CT       | 5.0            | 2021-03-01
P1        | S2               | S3                | MR       | 1.0            | 2021-09-01
P2        | S3               | S4                | CT       |                | 2020-01-15
P3        | S4               | S5                | US       |                |

study
person_id | StudyInstanceUID | PatientAge
P1        | S1               | 71
P2        | S3               | 17
"""


def test_a_series_must_meet_every_condition_at_once(cohort_test: Any) -> None:
    cohort_test(SERIES, series(Modality="MR", SliceThickness=at_most(1)), {"P1": None}, series={"S3"})
    cohort_test(SERIES, series(Modality="MR", SliceThickness=above(1)), {}, series=set())


def test_two_series_criteria_may_be_met_by_two_series(cohort_test: Any) -> None:
    cohort_test(
        SERIES, series(Modality="CT") & series(Modality="MR"), {"P1": None}, series={"S1", "S2", "S3"}
    )


def test_an_unknown_thickness_is_neither_thin_nor_thick(cohort_test: Any) -> None:
    cohort_test(SERIES, series(Modality="CT", SliceThickness=at_most(2)), {"P1": None}, series={"S1"})
    cohort_test(SERIES, series(Modality="CT", SliceThickness=above(2)), {"P1": None}, series={"S2"})


def test_a_list_is_one_or_the_other(cohort_test: Any) -> None:
    cohort_test(SERIES, series(Modality=["MR", "US"]), {"P1": None, "P3": None}, series={"S3", "S5"})


def test_text_may_be_compared_by_its_beginning(cohort_test: Any) -> None:
    cohort_test(SERIES, series(Modality=starts_with("C")), {"P1": None, "P2": None})


def test_the_age_at_the_study_is_the_studys(cohort_test: Any) -> None:
    cohort_test(SERIES, series(Modality="CT", PatientAge=at_least(18)), {"P1": None}, series={"S1", "S2"})


def test_not_takes_the_persons_who_have_none_with_all_their_series(cohort_test: Any) -> None:
    cohort_test(SERIES, ~series(Modality="CT"), {"P3": None}, series={"S5"})


def test_without_a_series_criterion_the_cohort_has_all_their_series(cohort_test: Any) -> None:
    cohort_test(SERIES, person(year_of_birth=between(1940, 1960)), {"P1": None}, series={"S1", "S2", "S3"})


def test_an_unknown_year_of_birth_meets_nothing_but_not(cohort_test: Any) -> None:
    cohort_test(SERIES, ~person(year_of_birth=at_most(1960)), {"P2": None, "P3": None})


def test_the_index_is_the_first_matching_series(cohort_test: Any) -> None:
    cohort_test(SERIES, series(), {"P1": "2021-03-01", "P2": "2020-01-15", "P3": None}, index=Index.SERIES)
    cohort_test(SERIES, series(Modality="MR"), {"P1": "2021-09-01"}, index=Index.SERIES)


def test_a_follow_up_is_a_series_after_the_index(cohort_test: Any) -> None:
    followed = series(Modality="CT") & series(Modality="MR", within_days=(-1, 365))
    cohort_test(SERIES, followed, {"P1": "2021-03-01"}, index=Index.SERIES)
    grown = series(Modality="CT") & series(PatientAge=at_least(18), within_days=0)
    cohort_test(SERIES, grown, {"P1": "2021-03-01"}, index=Index.SERIES, series={"S1", "S2"})
    soon = series(Modality="CT") & series(Modality="MR", within_days=(-1, 90))
    cohort_test(SERIES, soon, {}, index=Index.SERIES)
