"""Who is a case and who is not, by the plan's rule."""

from __future__ import annotations

from typing import Final

import duckdb

from federim.home import Home
from federim.lake import reader
from federim.model.identifiers import Pseudonym
from federim.model.training import Label, LabelTable

# Cases, by the rule's table. NULL means the rule cannot say, and the person is left out.
_RULES: Final = {
    LabelTable.CONDITION: """
        SELECT person_id, person_id IN (
            SELECT person_id FROM condition_occurrence WHERE condition_source_value = $code
        ) AS is_case
        FROM cohort_person""",
    LabelTable.OBSERVATION: """
        SELECT person_id,
            last(value_source_code = $value ORDER BY observation_date NULLS FIRST, observation_id) AS is_case
        FROM observation
        WHERE observation_source_value = $code AND value_source_code IS NOT NULL
        GROUP BY person_id""",
    LabelTable.MEASUREMENT: """
        SELECT person_id,
            last(value_as_number >= $at_least ORDER BY measurement_date NULLS FIRST, measurement_id)
                AS is_case
        FROM measurement
        WHERE measurement_source_value = $code AND unit = $unit
            AND value_as_number IS NOT NULL
        GROUP BY person_id""",
}


def read(home: Home, connection: duckdb.DuckDBPyConnection, label: Label) -> dict[Pseudonym, float]:
    """1.0 for every case of the cohort, 0.0 for every control; who the rule cannot place is absent."""
    parameters: dict[str, str | float] = {"code": label.code}
    if label.table is LabelTable.OBSERVATION:
        parameters["value"] = label.value
    elif label.at_least is not None:
        parameters |= {"unit": label.unit, "at_least": label.at_least}
    found = reader.query(
        connection, _RULES[label.table], seconds=home.settings.query_seconds, parameters=parameters
    )
    persons, cases = found["person_id"].to_pylist(), found["is_case"].to_pylist()
    return {
        Pseudonym(person): float(case)
        for person, case in zip(persons, cases, strict=True)
        if case is not None
    }
