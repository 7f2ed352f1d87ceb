"""Cohorts specified by small tables, each answered by DuckDB and by plain Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from spec_tables import in_duckdb, in_python, pseudonym, read

from federim.model.cohort import CohortDefinition, Criterion, Index


@pytest.fixture
def cohort_test(tmp_path: Path) -> Callable[..., None]:
    """`cohort_test(tables, criterion, {"P1": index date or None}, index=…, series={"S1"})`."""

    def check(
        text: str,
        criterion: Criterion,
        expected: dict[str, str | None],
        *,
        index: Index | None = None,
        series: set[str] | None = None,
    ) -> None:
        tables = read(text)
        definition = CohortDefinition(name="spec", criterion=criterion, index=index)
        wanted = {pseudonym(person): day and date.fromisoformat(day) for person, day in expected.items()}
        for answer in (*in_duckdb(tmp_path, tables, definition), *in_python(tables, definition)):
            assert answer is not None
            persons, pairs = answer
            assert persons == wanted
            if series is not None:
                assert {uid for _, uid in pairs} == {f"2.25.{one[1:]}" for one in series}

    return check
