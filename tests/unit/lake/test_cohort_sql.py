"""The SQL a definition becomes: shown whole, so that a review sees it change."""

from __future__ import annotations

from pathlib import Path

from federim.lake.cohort import compile
from federim.lake.definition import parse
from federim.model.cohort import CohortDefinition
from federim.model.criteria import condition, measurement, series

SNAPSHOT = Path(__file__).with_name("chest_cohort.sql")
DEFINITION = """
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


def test_the_generated_sql_is_the_one_reviewed() -> None:
    """Where the change is meant: write `text` over the snapshot and read the difference."""
    compiled = compile(parse("chest", DEFINITION))
    parameters = "".join(f"-- ${name} = {value!r}\n" for name, value in compiled.parameters.items())
    text = f"{compiled.sql};\n\n{compiled.series_sql};\n\n{parameters}"
    assert text == SNAPSHOT.read_text(encoding="utf-8")


def test_no_value_is_ever_part_of_the_sql() -> None:
    hostile = "x'); DROP TABLE person; --\n' OR 1=1"
    compiled = compile(
        CohortDefinition(
            name="c",
            criterion=series(Modality=hostile)
            & condition(hostile, system=hostile)
            & measurement(hostile, unit=hostile),
        )
    )
    code = "\n".join(line.split("  --")[0] for line in compiled.sql.splitlines())
    assert "DROP" not in code
    assert set(compiled.parameters.values()) == {hostile}


def test_a_comment_stays_on_its_line() -> None:
    compiled = compile(CohortDefinition(name="c", criterion=series(Modality="CT\nFROM person\r; SELECT 1")))
    (comment,) = (line for line in compiled.sql.splitlines() if "--" in line)
    assert comment.endswith("Modality = CT FROM person ; SELECT 1")
