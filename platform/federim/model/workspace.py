"""What a project may ask to have in its workspace, and what it was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from federim.model.errors import InputError
from federim.model.export import Format, RequestDefinition, one_of_each


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceTable:
    """One of the lake's tables that a workspace should hold: of each person, these columns."""

    source: str
    why: str  # the justification the committee reads, table by table
    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.why.strip():
            raise InputError(f"table {self.source}: say why it is needed (why = …); a committee will read it")
        one_of_each(f"columns of table {self.source}", self.columns)

    def as_document(self) -> dict[str, Any]:
        """The entry as a form holds it."""
        return {"from": self.source, "why": self.why, "columns": list(self.columns)}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceDefinition(RequestDefinition):
    """Everything a committee decides on where a project asks for a workspace.

    Attributes
    ----------
    pixels : bool
        Whether it should hold the images too.
    ends : date
        Last day on which it may be opened.
    """

    tables: tuple[WorkspaceTable, ...]
    pixels: bool
    ends: date

    def __post_init__(self) -> None:
        RequestDefinition.__post_init__(self)
        one_of_each("tables", [table.source for table in self.tables])

    @property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """The columns asked, by table."""
        return {table.source: table.columns for table in self.tables}

    def as_document(self) -> dict[str, Any]:
        """The definition as a form holds it; its canonical JSON is what the package hash is made of."""
        return {
            **RequestDefinition.as_document(self),
            "format": Format.WORKSPACE.value,
            "pixels": self.pixels,
            "ends": self.ends.isoformat(),
            "tables": [table.as_document() for table in self.tables],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceGrant:
    """A committee's leave to make one site's frozen cohort available to one project, in its workspace alone.

    Attributes
    ----------
    project, request : str
        Whose workspace, and which approved request says so.
    snapshot_sha256 : str
        The frozen cohort that was decided on, 64 hexadecimal digits.
    tables : table to columns
        What the workspace holds; keys of persons and objects among the columns are the project's own.
    pixels : bool
        Whether it holds the instances too.
    ends : date
        Last day on which it may be opened.
    """

    project: str
    request: str
    snapshot_sha256: str
    tables: Mapping[str, tuple[str, ...]]
    pixels: bool
    ends: date
