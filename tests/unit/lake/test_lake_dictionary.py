"""The data dictionary says every column, and says it from the schema."""

from __future__ import annotations

import pytest

from federim.lake.dictionary import HEADINGS, as_markdown, as_rows
from federim.lake.schema import TABLES
from federim.model.errors import UnknownName


def test_every_column_of_every_table_is_described() -> None:
    rows = as_rows()
    declared = [(table.name, column.name) for table in TABLES.values() for column in table.columns]
    assert [(row["table"], row["column"]) for row in rows] == declared
    assert all(tuple(row) == HEADINGS and row["description"] for row in rows)


def test_chosen_columns_come_in_the_chosen_order() -> None:
    (first, second) = as_rows([("measurement", "value_as_number"), ("image_occurrence", "SliceThickness")])
    assert first["column"] == "value_as_number"
    assert (second["unit"], second["kind"]) == ("mm", "value")


def test_an_unknown_column_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'SliceThickness'"):
        as_rows([("image_occurrence", "SliceThicknes")])


def test_the_markdown_has_a_section_a_table_and_no_broken_row() -> None:
    text = as_markdown()
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == list(TABLES)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {8}
