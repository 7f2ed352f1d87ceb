"""The SQL a definition becomes: kept whole beside this file, so that a review sees it change."""

from __future__ import annotations

import re

import pytest
from cohort_definitions import definitions
from hypothesis import given, settings
from syrupy.assertion import SnapshotAssertion

from federim.lake.cohort import compile
from federim.lake.definition import parse
from federim.model.cohort import CohortDefinition
from federim.model.criteria import condition, measurement, series

CHEST = """
index = "first series"

[[series]]
Modality = "CT"
SliceThickness = { at_most = 2.0 }
PatientAge = { at_least = 18 }

[[measurement]]
code = "1988-5"
value = { above = 10 }
unit = "mg/L"
which = "last"
within_days = { before = 30 }

[[none.condition]]
code_starts_with = "C34"
"""
IMAGES = """
[[series]]
called = "scan"
which = "first"
Modality = "CT"
Manufacturer = ["SIEMENS", "GE MEDICAL SYSTEMS"]
ConvolutionKernel = { starts_with = "B" }
SliceThickness = { above = 0, at_most = 1.5 }
regular = true

[[drug]]
code_starts_with = "V08"
within_days = { before = 1, of = "scan" }

[[any.feature]]
code = "volume"
value = { at_least = 100 }
unit = "mm3"

[[any.segment]]
category_code = "49755003"
volume_mm3 = { at_least = 100 }
"""
CLOSEST = """
index = "first condition"

[[condition]]
code_starts_with = "C34"

[[measurement]]
code = ["2160-0", "38483-4"]
value = { at_most = 110 }
unit = "umol/L"
which = "closest"
called = "creatinine"

[[procedure]]
code = "ZBQK002"
which = "closest"
within_days = { before = "any", after = 7, of = "creatinine" }

[[feature]]
code = "volume"
value = { below = 5 }
unit = "none"
which = "last"
within_days = { before = 90, after = -1 }
"""


@pytest.mark.parametrize("text", [CHEST, IMAGES, CLOSEST], ids=["chest", "images", "closest"])
def test_the_generated_sql_is_the_one_reviewed(text: str, snapshot: SnapshotAssertion) -> None:
    """Where the change is meant: run with --snapshot-update, and read the difference."""
    compiled = compile(parse("reviewed", text))
    _, _, series_end = compiled.series_sql.rpartition("SELECT DISTINCT")
    _, _, steps_end = compiled.steps_sql.partition("SELECT survived")
    assert compiled.sql == snapshot(name="persons")
    assert series_end == snapshot(name="series, its end")
    assert steps_end == snapshot(name="steps, their end")
    assert [check.sql for check in compiled.units] == snapshot(name="units")
    assert compiled.parameters == snapshot(name="parameters")


def test_no_value_is_ever_part_of_the_sql() -> None:
    hostile, unit = "x'); DROP TABLE person; --\n' OR 1=1", "x');DROP"
    compiled = compile(
        CohortDefinition(
            name="c",
            criterion=series(Modality=hostile)
            & condition(hostile, system=hostile)
            & measurement(hostile, unit=unit),
        )
    )
    for sql in (compiled.sql, compiled.series_sql, compiled.steps_sql, compiled.units[0].sql):
        assert "DROP" not in "\n".join(line.split("  --")[0] for line in sql.splitlines())
    assert set(compiled.parameters.values()) == {hostile, unit}


@settings(max_examples=100, deadline=None)
@given(definition=definitions())
def test_a_comment_stays_on_its_line(definition: CohortDefinition) -> None:
    compiled = compile(definition)
    comments = [line for line in compiled.sql.splitlines() if "  -- " in line]
    assert all(re.match(r"(WITH )?c\d+ AS \(  -- ", line) for line in comments)
    assert len(comments) == len(re.findall(r"^(?:WITH )?c\d+ AS \(", compiled.sql, re.MULTILINE))


def test_a_line_break_in_a_value_is_shown_as_its_number() -> None:
    compiled = compile(CohortDefinition(name="c", criterion=series(Modality="CT\nFROM person\r; SELECT 1")))
    (comment,) = (line for line in compiled.sql.splitlines() if "--" in line)
    assert comment.endswith(r"(modality: “CT\u{a}FROM person\u{d}; SELECT 1”)")
