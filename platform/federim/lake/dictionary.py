"""The data dictionary: every table and column in words, made from the schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from federim.lake.declaration import Column, Table
from federim.lake.schema import TABLES, table

HEADINGS = ("table", "column", "type", "unit", "codes", "kind", "required", "check", "description")


def as_rows(columns: Iterable[tuple[str, str]] | None = None) -> list[dict[str, str]]:
    """One row a column, under `HEADINGS`.

    Parameters
    ----------
    columns : pairs of table and column
        Which, in which order; every column of every table where None.

    Raises
    ------
    UnknownName
        No such table or column.
    """
    if columns is None:
        return [row for declared in TABLES.values() for row in describe(declared)]
    return [_row(table(name), table(name).column(column)) for name, column in columns]


def describe(declared: Table) -> list[dict[str, str]]:
    """One row a column of one table, under `HEADINGS`."""
    return [_row(declared, column) for column in declared.columns]


def as_markdown(tables: Mapping[str, Table] = TABLES) -> str:
    """The dictionary as a Markdown document, one section a table."""
    sections = ["# Data dictionary"]
    for declared in tables.values():
        shown = ("column", "type", "unit", "codes", "required", "check", "description")
        rows = [[row[name] for name in shown] for row in describe(declared)]
        sections.append(
            f"## {declared.name}\n\n{declared.description}: {declared.grain}. "
            f"Key: {', '.join(f'`{name}`' for name in declared.key)}.\n\n"
            + "\n".join(_line(cells) for cells in (shown, ["---"] * len(shown), *rows))
        )
    return "\n\n".join(sections) + "\n"


def _row(declared: Table, column: Column) -> dict[str, str]:
    values = (
        declared.name,
        column.name,
        str(column.type),
        column.unit,
        column.code_system,
        column.kind.value,
        "yes" if column.required else "no",
        column.check.says if column.check else "",
        column.description,
    )
    return dict(zip(HEADINGS, values, strict=True))


def _line(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"
