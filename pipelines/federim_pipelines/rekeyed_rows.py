"""Give rows of one subject of a person the keys and dates of the other, as their columns are declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from federim.lake.declaration import Column, Kind, Table
from federim.lake.declared.clinical import REPORT_STUDY
from federim.lake.declared.persons import PERSON
from federim.model.errors import LakeError
from federim_pipelines.deidentify.dates import DUMMY_DAY
from federim_pipelines.extract.facts import study_part
from federim_pipelines.rekeying import Rekeying

_MOST_STUDIES: Final = 10_000  # of one report


@dataclass(frozen=True, slots=True)
class RekeyedRows:
    """Makes the rows of the new subject of a change, one for each of the old, in their order.

    Where an object lies, its hash and its size are left to whoever stores it.
    """

    change: Rekeying

    def __call__(self, table: Table, rows: pa.Table) -> pa.Table:
        """The rows of a table, or of one pinned by a snapshot, without `bucket`."""
        columns = [self._column(column, rows[column.name]) for column in table.columns]
        made = pa.table(columns, schema=pa.schema([column.arrow for column in table.columns]))
        special = _SPECIAL.get(table.name)
        return made if special is None else special(self, rows, made)

    def _column(self, column: Column, values: pa.ChunkedArray) -> pa.ChunkedArray:
        if column.kind is Kind.PERSON:
            return pa.chunked_array([pa.repeat(self.change.new.person_id, len(values))], column.type)
        if column.kind is Kind.UID:
            return self._keyed(values)
        return self._moved(values) if column.kind is Kind.DATE else values

    def _keyed(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        encoded = values.combine_chunks().dictionary_encode()
        anew = [self.change.value(told) for told in encoded.dictionary.to_pylist()]
        return pa.chunked_array([pc.take(pa.array(anew, values.type), encoded.indices)])

    def _moved(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        days, whole = self.change.days, pa.types.is_date32(values.type)
        unit = pa.int32() if whole else pa.int64()
        by = days if whole else days * 86_400 * 10**6
        moved = pc.add(values.cast(unit), pa.scalar(by, unit)).cast(values.type)
        if not whole:
            return moved
        return pc.if_else(pc.equal(values, pa.scalar(DUMMY_DAY)), values, moved)

    def _person(self, _rows: pa.Table, made: pa.Table) -> pa.Table:
        new, size = self.change.new, made.num_rows
        doubts = " ".join(new.doubts) or None
        return _with(_with(made, "linked", [new.linked] * size), "identity_doubts", [doubts] * size)

    def _studies_of_reports(self, rows: pa.Table, made: pa.Table) -> pa.Table:
        told = zip(
            rows["report_id"].to_pylist(),
            made["report_id"].to_pylist(),
            rows["report_study_id"].to_pylist(),
            strict=True,
        )
        return _with(made, "report_study_id", [_part_anew(*each) for each in told])


_SPECIAL: Final[dict[str, Callable[[RekeyedRows, pa.Table, pa.Table], pa.Table]]] = {
    PERSON.name: RekeyedRows._person,
    REPORT_STUDY.name: RekeyedRows._studies_of_reports,
}


def _part_anew(report: str, anew: str, part: str) -> str:
    """What names a study in a report that has another name now: its place in the report is the same."""
    if report == anew:
        return part
    for place in range(_MOST_STUDIES):
        if study_part(report, place) == part:
            return study_part(anew, place)
    raise LakeError(f"table {REPORT_STUDY.name}: a row is not named by its report; restore the backup")


def _with(rows: pa.Table, name: str, values: list[Any]) -> pa.Table:
    place = rows.schema.get_field_index(name)
    return rows.set_column(place, rows.schema.field(place), pa.array(values, rows.schema.field(place).type))
