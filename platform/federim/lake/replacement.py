"""What stands in the place of a few persons' rows, among the files of each table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from federim.lake.declaration import OnRepeat, Table
from federim.lake.declared.imaging import IMAGE_OCCURRENCE, INSTANCE_FILE
from federim.lake.person_rows import holders, rows_of
from federim.lake.prepare import bucket_of, combine, first_of_each, row_keys
from federim.model.errors import SchemaError

Into = Callable[[Table, pa.Table], pa.Table]
"""One person's rows of a table, without `bucket`, to what stands in their place: row by row, in the order."""


@dataclass(frozen=True, slots=True)
class Sparing:
    """Some of a person's rows go, the others stay as they are.

    Attributes
    ----------
    stay : callable
        Of one person's rows of a table, without `bucket`, a boolean a row. It tells the same of the same row,
        whatever rows it comes with.
    """

    stay: Callable[[Table, pa.Table], pa.BooleanArray]

    def split(self, table: Table, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Rows that go, and rows that stay."""
        stay = self.stay(table, rows)
        return rows.filter(pc.invert(stay)), rows.filter(stay)


Fate = Into | Sparing | None
"""What becomes of a person's rows; with None they go."""


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """What changes in one table.

    Attributes
    ----------
    leaving : persons
        Those whose rows go from the files, all of them; what is spared of them comes again.
    files : paths
        Those that hold rows of persons leaving.
    rows : pa.Table
        What comes, as the table's declared columns.
    before, after : by person that changes
        Their rows, and row by row what they were made into; not in `after` where they only go.
    spared : by person
        Rows that stay as they are, of persons of whom only some go.
    """

    leaving: frozenset[str]
    files: tuple[Path, ...]
    rows: pa.Table
    before: Mapping[str, pa.Table]
    after: Mapping[str, pa.Table]
    spared: Mapping[str, pa.Table]

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return any(rows.num_rows for rows in self.before.values())


@dataclass(frozen=True)
class Buckets:
    """In which files a person's rows can be, by their folder; files of no bucket can hold anybody's."""

    key: bytes

    def files(self, files: Iterable[Path], persons: Iterable[str]) -> list[Path]:
        """Of these files, the ones that have a row of one of the persons."""
        persons = frozenset(persons)
        theirs = {f"bucket={bucket_of(person, self.key)}" for person in persons}
        possible = [
            file for file in files if not file.parent.name.startswith("bucket=") or file.parent.name in theirs
        ]
        return holders(possible, persons) if persons else []


def replacements(
    tables: Iterable[Table],
    files: Mapping[str, Sequence[Path]],
    into: Mapping[str, Fate],
    buckets: Buckets,
) -> dict[str, Replacement]:
    """What changes in each table, where it consists of these files.

    Parameters
    ----------
    files : by table
    into : by person

    Raises
    ------
    SchemaError
        What stands in the place of a table's rows is not as many rows, or not of its columns.
    """
    made = {table.name: _replacement(table, files.get(table.name, ()), into, buckets) for table in tables}
    series, stored = made.get(IMAGE_OCCURRENCE.name), made.get(INSTANCE_FILE.name)
    if series is not None and stored is not None:
        made[IMAGE_OCCURRENCE.name] = replace(series, rows=_resized(series.rows, stored))
    return made


def _replacement(
    table: Table, files: Sequence[Path], into: Mapping[str, Fate], buckets: Buckets
) -> Replacement:
    holding = buckets.files(files, into)
    found = rows_of(table, holding, into)
    before = {person: found.filter(pc.equal(found["person_id"], person)) for person in sorted(into)}
    spared: dict[str, pa.Table] = {}
    for person, fate in into.items():
        if isinstance(fate, Sparing):
            before[person], spared[person] = fate.split(table, before[person])
    untouched = {person for person in spared if not before[person].num_rows}
    leaving = frozenset(into) - untouched
    if untouched:
        holding = buckets.files(holding, leaving)
    again = [rows for person, rows in spared.items() if person in leaving]
    after = {
        person: _checked(table, rows, fate(table, rows))
        for person, rows in before.items()
        if callable(fate := into[person]) and rows.num_rows
    }
    if not after:
        return Replacement(
            leaving=leaving,
            files=tuple(holding),
            rows=pa.concat_tables([found.schema.empty_table(), *again]),
            before=before,
            after=after,
            spared=spared,
        )
    new = pa.concat_tables(after.values())
    others = frozenset(pc.unique(new["person_id"]).to_pylist()) - frozenset(into)
    beside = buckets.files(files, others)
    held = rows_of(table, beside, others)
    if table.on_repeat is OnRepeat.FILL:
        # Both persons may have been told of the same study: what one's row is without, the other's fills.
        rows = combine(table, pa.concat_tables([held, new]))
        return Replacement(
            leaving=others | leaving,
            files=tuple(dict.fromkeys((*holding, *beside))),
            rows=pa.concat_tables([rows, *again]),
            before=before,
            after=after,
            spared=spared,
        )
    kept = first_of_each(row_keys(table, new), set(row_keys(table, held)))
    return Replacement(
        leaving=leaving,
        files=tuple(holding),
        rows=pa.concat_tables([new.take(pa.array(kept, pa.int64())), *again]),
        before=before,
        after=after,
        spared=spared,
    )


def _checked(table: Table, before: pa.Table, after: pa.Table) -> pa.Table:
    if after.num_rows != before.num_rows:
        raise SchemaError(
            f"{table.name}: {after.num_rows} rows in the place of {before.num_rows}; expected as many"
        )
    if after.schema.names != before.schema.names or after.schema.types != before.schema.types:
        raise SchemaError(f"{table.name}: rows that replace others are not of the table's columns")
    for column in table.columns:
        values = after[column.name]
        if column.required and values.null_count:
            raise SchemaError(f"{table.name}.{column.name}: a value is required in rows that replace others")
        if column.check is not None and pc.all(column.check.holds(values)).as_py() is False:
            raise SchemaError(f"{table.name}.{column.name}: expected {column.check.says}")
    return after.cast(before.schema)


def _resized(series: pa.Table, stored: Replacement) -> pa.Table:
    """Rows of series with the sizes that their instances' objects have now."""
    grown: dict[str, int] = {}
    for person, after in stored.after.items():
        sizes = zip(stored.before[person]["size"].to_pylist(), after["size"].to_pylist(), strict=True)
        for uid, (was, is_now) in zip(after["SeriesInstanceUID"].to_pylist(), sizes, strict=True):
            grown[uid] = grown.get(uid, 0) + is_now - was
    place = series.schema.get_field_index("SizeBytes")
    sizes_now: list[Any] = [
        size + grown.get(uid, 0)
        for uid, size in zip(
            series["SeriesInstanceUID"].to_pylist(), series["SizeBytes"].to_pylist(), strict=True
        )
    ]
    return series.set_column(place, series.schema.field(place), pa.array(sizes_now, pa.int64()))
