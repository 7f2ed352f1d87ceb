"""Read a request form, TOML or JSON, into a definition."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from federim.model.errors import InputError, UnknownName
from federim.model.export import (
    FORBIDDEN_PURPOSES,
    AskedColumn,
    AskedMeasure,
    AskedTable,
    ExportDefinition,
    Format,
    Purpose,
    Route,
    SnapshotAsked,
    one_of,
)
from federim.model.workspace import WorkspaceDefinition, WorkspaceTable

Definition = ExportDefinition | WorkspaceDefinition

FIELDS = {"project", "purpose", "question", "route", "reference", "format", "snapshots", "tables"}
WORKSPACE_FIELDS = FIELDS | {"pixels", "ends"}
TABLE_FIELDS = {"name", "from", "why", "columns", "group_by", "measures"}
WORKSPACE_TABLE_FIELDS = {"from", "why", "columns"}
SNAPSHOT_FIELDS = {"site", "id", "sha256"}


def read_form(path: Path) -> Definition:
    """The definition a TOML form holds.

    Raises
    ------
    InputError, UnknownName
        As `definition_from`, or the file is missing or not TOML.
    """
    try:
        document = tomllib.loads(path.read_text())
    except OSError as error:
        raise InputError(f"request form {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"request form {path} is not valid TOML: {error}") from error
    return definition_from(document)


def definition_from(document: Mapping[str, Any]) -> Definition:
    """The definition a parsed form, or the `definition` of a signed document, holds.

    Raises
    ------
    InputError, UnknownName
        A field is missing, unknown or unusable; the purpose is one the law forbids; there is no such format.
    """
    asked = document.get("format", Format.ANONYMISED)
    if asked not in list(Format):
        raise InputError(
            "format: only 'anonymised' leaves; pseudonymised data stay in a workspace, asked as 'workspace'"
        )
    if asked == Format.WORKSPACE:
        _only(document, WORKSPACE_FIELDS, "the request form of a workspace")
        return WorkspaceDefinition(
            **_of_every_request(document),
            tables=tuple(_workspace_table(each) for each in _entries(document, "tables")),
            pixels=_truth(document, "pixels"),
            ends=_day(document, "ends"),
        )
    _only(document, FIELDS, "the request form")
    return ExportDefinition(
        **_of_every_request(document), tables=tuple(_table(each) for each in _entries(document, "tables"))
    )


def _of_every_request(document: Mapping[str, Any]) -> dict[str, Any]:
    purpose = _text(document, "purpose")
    if purpose in FORBIDDEN_PURPOSES:
        raise InputError(f"purpose {purpose!r} is forbidden: {FORBIDDEN_PURPOSES[purpose]}")
    return {
        "project": _text(document, "project"),
        "purpose": one_of(Purpose, purpose, "purpose"),
        "question": _text(document, "question"),
        "route": one_of(Route, _text(document, "route"), "legal route"),
        "reference": _text(document, "reference"),
        "snapshots": tuple(_snapshot(each) for each in _entries(document, "snapshots")),
    }


def _snapshot(document: Mapping[str, Any]) -> SnapshotAsked:
    _only(document, SNAPSHOT_FIELDS, "snapshots")
    return SnapshotAsked(
        site=_text(document, "site"), id=_text(document, "id"), sha256=_text(document, "sha256")
    )


def _table(document: Mapping[str, Any]) -> AskedTable:
    _only(document, TABLE_FIELDS, "tables")
    return AskedTable(
        name=_text(document, "name"),
        source=_text(document, "from"),
        why=_text(document, "why"),
        columns=tuple(AskedColumn.parse(text) for text in _texts(document, "columns")),
        group_by=tuple(AskedColumn.parse(text) for text in _texts(document, "group_by")),
        measures=tuple(AskedMeasure.parse(text) for text in _texts(document, "measures")),
    )


def _workspace_table(document: Mapping[str, Any]) -> WorkspaceTable:
    _only(document, WORKSPACE_TABLE_FIELDS, "tables of a workspace")
    return WorkspaceTable(
        source=_text(document, "from"),
        why=_text(document, "why"),
        columns=tuple(_texts(document, "columns")),
    )


def _only(document: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in document:
        if key not in known:
            raise UnknownName(f"field of {where}", key, known)


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str):
        raise InputError(f'the request form needs a text for {key}: {key} = "…"')
    return value


def _truth(document: Mapping[str, Any], key: str) -> bool:
    value = document.get(key)
    if not isinstance(value, bool):
        raise InputError(f"the request form needs true or false for {key}: {key} = false")
    return value


def _day(document: Mapping[str, Any], key: str) -> date:
    """A day, which TOML has and JSON writes as text."""
    value = document.get(key)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(_text(document, key))
    except (InputError, ValueError):
        raise InputError(f"the request form needs a day for {key}: {key} = YEAR-MONTH-DAY") from None


def _texts(document: Mapping[str, Any], key: str) -> Sequence[str]:
    value = document.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InputError(f"{key}: expected a list of texts")
    return value


def _entries(document: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    value = document.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise InputError(f"{key}: expected [[{key}]] entries")
    return value
