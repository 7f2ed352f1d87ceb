"""What of the lake's tables a project's workspace may hold, as their columns are declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import pyarrow as pa

from federim.lake.declaration import Column, Kind, Table
from federim.lake.declared.columns import DIGEST, PSEUDONYM, UID
from federim.lake.declared.imaging import INSTANCE_FILE
from federim.lake.snapshot_tables import SNAPSHOT_TABLES
from federim.model.errors import SchemaError, UnknownName

WITH_PIXELS: Final = INSTANCE_FILE.name
"""The table that says where objects lie: a workspace has it when it has them."""

_KEYS: Final = (UID, PSEUDONYM)
_AS_THEY_ARE: Final = (Kind.QUASI, Kind.VALUE)


def grantable(table: Table) -> tuple[str, ...]:
    """The columns of a table that can go into a workspace, in their order; none of a table that cannot.

    The house's own bookkeeping stays: the length of a file tells which one it is as a name does.
    """
    return tuple(column.name for column in table.columns if _can_go(table, column))


def narrowed(granted: Mapping[str, Sequence[str]], *, pixels: bool) -> dict[str, Table]:
    """The declarations of what is granted: those columns, and `person_id`, in the lake's order.

    Raises
    ------
    UnknownName
        No such table or column.
    SchemaError
        A column cannot go into a workspace; the table of objects is granted without them.
    """
    for name in granted:
        if name not in SNAPSHOT_TABLES:
            raise UnknownName("table of a frozen cohort", name, SNAPSHOT_TABLES)
    if WITH_PIXELS in granted and not pixels:
        raise SchemaError(
            f"table {WITH_PIXELS} tells where objects lie, and the grant is without pixels; "
            "ask for the pixels too, or leave the table out"
        )
    wanted = dict(granted)
    if pixels:
        wanted[WITH_PIXELS] = grantable(INSTANCE_FILE)
    # In the snapshot's order, whatever the grant's.
    return {
        name: _narrowed(SNAPSHOT_TABLES[name], wanted[name]) for name in SNAPSHOT_TABLES if name in wanted
    }


def _narrowed(table: Table, columns: Sequence[str]) -> Table:
    for name in columns:
        if not _can_go(table, table.column(name)):
            raise SchemaError(
                f"column {table.name}.{name} is the house's own, or nobody knows how to re-key it; "
                "leave it out of the request"
            )
    asked = {*columns, "person_id"}
    kept = tuple(column for column in table.columns if column.name in asked)
    return replace(
        table,
        columns=kept,
        key=tuple(name for name in table.key if name in asked),
        sort=tuple(name for name in table.sort if name in asked),
    )


def _can_go(table: Table, column: Column) -> bool:
    if not table.person:
        return False
    if table.name == WITH_PIXELS:  # whoever stores an object writes these anew
        return True
    match column.kind:
        case Kind.PERSON:
            return column.name == "person_id"
        case Kind.UID:
            return column.check in _KEYS
        case Kind.DATE:
            return bool(pa.types.is_date32(column.type) or pa.types.is_timestamp(column.type))
        case _:
            return column.kind in _AS_THEY_ARE and column.check not in (*_KEYS, DIGEST)
