"""Tell a committee, before it decides, what a project's workspace would hold of one site's persons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from federim.lake import faces
from federim.lake.declaration import Kind, Table
from federim.lake.declared.persons import PERSON
from federim.lake.reader import query
from federim.lake.workspace_tables import WITH_PIXELS, narrowed
from federim.model.errors import InputError
from federim.model.workspace import WorkspaceDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceReport:
    """One package at one site. Counts of persons below the threshold are small cells, so they are None."""

    package: str
    site: str
    snapshot: str
    snapshot_sha256: str
    threshold: int  # fewest persons a count may show
    persons: int | None
    alone: int | None  # persons who share year of birth and the like, as asked, with nobody in the cohort
    told_apart_by: tuple[str, ...]  # the columns that neighbours may know; what `alone` is over
    rows: Mapping[str, int]  # by table
    columns: Mapping[str, tuple[str, ...]]  # by table, as the workspace would have them
    pixels: bool
    held_series: int  # their images stay at the site: they may show a face
    ends: str  # YYYY-MM-DD
    findings: tuple[str, ...]

    @property
    def acceptable(self) -> bool:
        return not self.findings

    def as_document(self) -> dict[str, Any]:
        """The report as JSON keeps it."""
        columns = {table: list(names) for table, names in self.columns.items()}
        return {
            **asdict(self),
            "told_apart_by": list(self.told_apart_by),
            "columns": columns,
            "findings": list(self.findings),
            "acceptable": self.acceptable,
        }

    def as_text(self) -> str:
        """The report in lines a member of a committee can read."""
        persons = f"fewer than {self.threshold}" if self.persons is None else f"{self.persons:,}"
        lines = [f"{self.site}, snapshot {self.snapshot}: {persons} persons, until {self.ends}"]
        lines += [
            f"holds    {table}: {count:,} rows of {', '.join(self.columns[table])}"
            for table, count in self.rows.items()
        ]
        lines.append(f"images   {self._images()}")
        if self.told_apart_by:
            alone = f"fewer than {self.threshold}" if self.alone is None else f"{self.alone:,}"
            shared = ", ".join(self.told_apart_by)
            lines.append(f"risk     {alone} persons share {shared} with nobody else in the cohort")
        lines.append(
            "risk     single persons' data under pseudonyms, not anonymous: whoever knows enough of somebody "
            "may find them"
        )
        lines += [f"refused  {each}" for each in self.findings]
        return "\n".join([*lines, f"the site {'can' if self.acceptable else 'cannot'} build it"])

    def _images(self) -> str:
        if not self.pixels:
            return "none"
        held = f", but of {self.held_series:,} series, which may show a face" if self.held_series else ""
        return f"{self.rows[WITH_PIXELS]:,} instances are listed; they come along{held}"


def check_columns(definition: WorkspaceDefinition) -> None:
    """Refuse, before any data are read, what no workspace holds.

    Raises
    ------
    SchemaError, UnknownName
        See `narrowed`.
    InputError
        The table of objects is asked by name; it comes with the pixels.
    """
    if WITH_PIXELS in definition.columns:
        raise InputError(f"table {WITH_PIXELS} comes with the images: say pixels = true instead of naming it")
    narrowed(definition.columns, pixels=definition.pixels)


def examine(
    connection: duckdb.DuckDBPyConnection,
    definition: WorkspaceDefinition,
    *,
    package: str,
    site: str,
    small: int,
    seconds: int,
) -> WorkspaceReport:
    """Count what the workspace would hold, on the cohort that `connection` is restricted to.

    Parameters
    ----------
    small
        Fewest persons a count may show.
    seconds
        Longest any one query may run.
    """
    check_columns(definition)
    tables = narrowed(definition.columns, pixels=definition.pixels)

    def count(sql: str) -> int:
        return int(query(connection, sql, seconds=seconds)["n"][0].as_py())

    persons = count("SELECT count(DISTINCT person_id) AS n FROM cohort_person")
    told_apart = _told_apart_by(tables)
    alone = count(_alone(told_apart)) if told_apart else 0
    asked = definition.snapshot_of(site)
    return WorkspaceReport(
        package=package,
        site=site,
        snapshot=asked.id,
        snapshot_sha256=asked.sha256,
        threshold=small,
        persons=persons if persons >= small else None,
        alone=alone if alone >= small or not alone else None,
        told_apart_by=told_apart,
        rows={name: count(f'SELECT count(*) AS n FROM "{name}"') for name in tables},
        columns={name: tuple(column.name for column in table.columns) for name, table in tables.items()},
        pixels=definition.pixels,
        held_series=len(faces.held(connection, seconds=seconds)) if definition.pixels else 0,
        ends=definition.ends.isoformat(),
        findings=() if persons else ("nobody is in the cohort, or all who are object",),
    )


def _told_apart_by(tables: Mapping[str, Table]) -> tuple[str, ...]:
    person = tables.get(PERSON.name)
    return tuple(each.name for each in person.columns if each.kind is Kind.QUASI) if person else ()


def _alone(columns: tuple[str, ...]) -> str:
    keys = ", ".join(f'"{name}"' for name in columns)
    return f"SELECT count(*) AS n FROM (SELECT 1 FROM person GROUP BY {keys} HAVING count(*) = 1)"
