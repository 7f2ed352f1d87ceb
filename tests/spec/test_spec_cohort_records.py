"""Measurement, diagnosis and act criteria: values, units, windows, first and last."""

from __future__ import annotations

from typing import Any

from federim.model.cohort import Index
from federim.model.criteria import above, below, condition, measurement, procedure, series, starts_with

CRP = """
person
person_id
P1
P2
P3

image_occurrence
person_id | SeriesInstanceUID | SeriesDate
P1        | S1                | 2021-03-10
P2        | S2                | 2021-03-10
P3        | S3                | 2021-03-10

measurement
person_id | measurement_source_value | measurement_date | value_as_number | unit
P1        | 1988-5                   | 2021-03-01       | 120             | mg/L
P1        | 1988-5                   | 2021-03-20       | 8               | mg/L
P2        | 1988-5                   | 2021-03-09       | 12              | mg/dL
P2        | 718-7                    | 2021-03-09       | 130             | g/L
P3        | 1988-5                   |                  | 50              | mg/L
"""


def test_any_result_above_the_value(cohort_test: Any) -> None:
    wanted = measurement("1988-5", above(10), unit="mg/L") | measurement("1988-5", above(10), unit="mg/dL")
    cohort_test(CRP, wanted, {"P1": None, "P2": None, "P3": None})


def test_a_result_in_another_unit_does_not_count(cohort_test: Any) -> None:
    cohort_test(CRP, measurement("1988-5", above(10), unit="mg/L"), {"P1": None, "P3": None})


def test_having_been_measured_is_enough_without_a_value(cohort_test: Any) -> None:
    cohort_test(CRP, measurement(["718-7", "2160-0"]), {"P2": None})


def test_first_and_last_look_at_one_result(cohort_test: Any) -> None:
    cohort_test(CRP, measurement("1988-5", above(10), unit="mg/L", which="first"), {"P1": None})
    cohort_test(CRP, measurement("1988-5", below(10), unit="mg/L", which="last"), {"P1": None})
    cohort_test(CRP, measurement("1988-5", above(10), unit="mg/L", which="last"), {})


def test_a_window_counts_from_the_index_and_includes_both_ends(cohort_test: Any) -> None:
    index = {"P1": "2021-03-10"}
    high = above(10)
    for days, expected in (((9, 0), index), ((8, 0), {}), (10, index), ((None, 0), index), ((-1, 10), {})):
        cohort_test(
            CRP,
            series() & measurement("1988-5", high, unit="mg/L", within_days=days),
            expected,
            index=Index.SERIES,
        )
    cohort_test(
        CRP,
        series() & measurement("1988-5", below(10), unit="mg/L", within_days=(0, 10)),
        index,
        index=Index.SERIES,
    )


def test_last_is_the_last_inside_the_window(cohort_test: Any) -> None:
    last_before = measurement("1988-5", above(10), unit="mg/L", which="last", within_days=(30, 0))
    cohort_test(CRP, series() & last_before, {"P1": "2021-03-10"}, index=Index.SERIES)


def test_a_result_without_a_date_is_in_no_window(cohort_test: Any) -> None:
    always = measurement("1988-5", unit="mg/L", within_days=(None, None))
    cohort_test(CRP, series() & always, {"P1": "2021-03-10"}, index=Index.SERIES)


def test_the_index_may_be_the_first_matching_result(cohort_test: Any) -> None:
    cohort_test(
        CRP,
        measurement("1988-5", below(20), unit="mg/L") | measurement("1988-5", below(20), unit="mg/dL"),
        {"P1": "2021-03-20", "P2": "2021-03-09"},
        index=Index.MEASUREMENT,
    )


CODES = """
person
person_id
P1
P2
P3

condition_occurrence
person_id | condition_source_value | condition_source_system | condition_start_date
P1        | C34.1                  | CIM-10                  | 2020-05-02
P2        | C34.1                  | LOCAL                   | 2020-06-01
P2        | J18                    | CIM-10                  |

procedure_occurrence
person_id | procedure_source_value | procedure_date
P1        | ZBQK002                | 2020-05-20
P3        | ZBQK002                | 2019-01-01
"""


def test_a_code_is_exact_unless_its_beginning_is_asked_for(cohort_test: Any) -> None:
    cohort_test(CODES, condition("C34"), {})
    cohort_test(CODES, condition(starts_with("C34")), {"P1": None, "P2": None})
    cohort_test(CODES, condition(["J18", "J19"]), {"P2": None})


def test_a_code_may_be_held_to_its_system(cohort_test: Any) -> None:
    cohort_test(CODES, condition("C34.1", system="CIM-10"), {"P1": None})


def test_an_act_after_the_diagnosis(cohort_test: Any) -> None:
    cohort_test(
        CODES,
        condition(starts_with("C34")) & procedure("ZBQK002", within_days=(0, 30)),
        {"P1": "2020-05-02"},
        index=Index.CONDITION,
    )


def test_either_and_neither(cohort_test: Any) -> None:
    cohort_test(CODES, condition("J18") | procedure("ZBQK002"), {"P1": None, "P2": None, "P3": None})
    cohort_test(CODES, ~(condition("J18") | condition("C34.1")), {"P3": None})
