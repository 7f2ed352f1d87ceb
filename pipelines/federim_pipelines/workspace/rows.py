"""Rows of the lake as a project's: every column re-keyed as it is declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from federim.lake.declaration import Column, Kind, Table
from federim.lake.images import StoredObject
from federim.lake.workspace_tables import WITH_PIXELS
from federim.model.errors import SchemaError
from federim.model.identifiers import Pseudonym
from federim_pipelines.deidentify.dates import DUMMY_DAY
from federim_pipelines.workspace.hop import ProjectHop

_MICROSECONDS_A_DAY: Final = 86_400 * 10**6
_KINDS: Final = frozenset({Kind.PERSON, Kind.UID, Kind.DATE, Kind.QUASI, Kind.VALUE})


class ProjectRows:
    """Makes a project's rows of the lake's, in an order that tells nothing of the lake's.

    Parameters
    ----------
    hops : by person_id of the lake
        Of every person whose rows come.
    stored : by path under the lake's objects
        The objects as the project has them; rows of others are left out.
    """

    def __init__(self, hops: Mapping[Pseudonym, ProjectHop], stored: Mapping[str, StoredObject]) -> None:
        self._hops = list(hops.values())
        self._places = {person_id: place for place, person_id in enumerate(hops)}
        self._stored = stored

    def __call__(self, table: Table, rows: pa.Table) -> pa.Table:
        """Rows of the columns that a table declares, without `bucket`; sorted as it declares.

        Raises
        ------
        SchemaError
            A column is of a kind that nobody knows how to re-key.
        """
        if table.name == WITH_PIXELS:
            here = pa.array(list(self._stored), pa.string())
            rows = rows.filter(pc.is_in(rows["path"], value_set=here))
        whose = [self._places[each] for each in rows["person_id"].to_pylist()]
        columns = [self._column(table, column, rows, whose) for column in table.columns]
        made = pa.table(columns, schema=pa.schema([column.arrow for column in table.columns]))
        rest = [name for name in made.column_names if name not in table.sort]
        return made.sort_by([(name, "ascending") for name in (*table.sort, *rest)])

    def _column(self, table: Table, column: Column, rows: pa.Table, whose: list[int]) -> pa.Array:
        if table.name == WITH_PIXELS and column.name in ("sha256", "path", "size"):
            told = [getattr(self._stored[path], column.name) for path in rows["path"].to_pylist()]
            return pa.array(told, column.type)
        values = rows[column.name].combine_chunks()
        if column.kind not in _KINDS:
            raise SchemaError(f"column {table.name}.{column.name}: nobody knows how to re-key it")
        if column.kind is Kind.PERSON:
            return pa.array([self._hops[place].person_id for place in whose], column.type)
        if column.kind is Kind.UID:
            return self._keys(column, values, whose)
        return self._moved(values, whose) if column.kind is Kind.DATE else values

    def _keys(self, column: Column, values: pa.Array, whose: list[int]) -> pa.Array:
        known: dict[tuple[int, str], str] = {}  # a study's UID is in each row of its instances
        made: list[str | None] = []
        for place, told in zip(whose, values.to_pylist(), strict=True):
            if told is None:
                made.append(None)
                continue
            anew = known.get((place, told))
            if anew is None:
                anew = known[place, told] = self._hops[place].key(told)
            made.append(anew)
        return pa.array(made, column.type)

    def _moved(self, values: pa.Array, whose: list[int]) -> pa.Array:
        whole = pa.types.is_date32(values.type)
        unit = pa.int32() if whole else pa.int64()
        days = pa.array([self._hops[place].days for place in whose], unit)
        by = days if whole else pc.multiply(days, pa.scalar(_MICROSECONDS_A_DAY, unit))
        moved = pc.add(values.cast(unit), by).cast(values.type)
        return pc.if_else(pc.equal(values, pa.scalar(DUMMY_DAY)), values, moved) if whole else moved
