"""Measure what an export would disclose, and make its tables safe to leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import duckdb
import pyarrow as pa

from federim.governance import measures
from federim.governance.risk import RiskReport, TableRisk
from federim.governance.suppression import Cell, hide
from federim.lake import schema
from federim.lake.declaration import Column, Kind
from federim.lake.declared.persons import PERSON
from federim.lake.reader import query
from federim.model.errors import DisclosureRisk, InputError
from federim.model.export import AskedColumn, AskedTable, ExportDefinition

MAY_LEAVE: Final = (Kind.QUASI, Kind.VALUE)
MOST_DIMENSIONS: Final = 4  # beyond, nearly every cell is small, and slices grow as two to their number


@dataclass(frozen=True, slots=True)
class Examined:
    """What an export would disclose at one site, and those of its tables that may leave."""

    report: RiskReport
    tables: dict[str, pa.Table]


def check_columns(definition: ExportDefinition) -> None:
    """Refuse, before any data are read, what may never leave.

    Raises
    ------
    DisclosureRisk
        A column is a pseudonym, a UID, a date or the house's own bookkeeping.
    UnknownName, InputError
        A table or column is not declared; a band or measure is asked of something that is no number; one
        column is banded in two ways, whose differences would show smaller bands.
    """
    bands: dict[tuple[str, str], set[int | None]] = {}
    for asked in definition.tables:
        if not schema.table(asked.source).person:
            raise DisclosureRisk(f"table {asked.name}: {asked.source} is the house's own bookkeeping")
        if len(asked.group_by) > MOST_DIMENSIONS:
            raise InputError(f"table {asked.name}: at most {MOST_DIMENSIONS} columns in group_by")
        for each in (*asked.columns, *asked.group_by):
            declared = _check_column(asked, each)
            if each.band and not pa.types.is_integer(declared.type):
                raise InputError(f"table {asked.name}: {each.column} is no whole number, so it has no bands")
            where = "person" if each.of_person else asked.source
            bands.setdefault((where, each.column), set()).add(each.band)
        for measure in asked.measures:
            if measure.column and not _is_number(_check_column(asked, AskedColumn(column=measure.column))):
                raise InputError(f"table {asked.name}: {measure.column} is no number, so it has no {measure}")
    for (where, column), found in bands.items():
        if len(found) > 1:
            raise InputError(f"{where}.{column}: one band for all tables, or none")


def examine(
    connection: duckdb.DuckDBPyConnection,
    definition: ExportDefinition,
    *,
    package: str,
    site: str,
    small: int,
    seconds: int,
) -> Examined:
    """Measure every table of a package on the cohort that `connection` is restricted to.

    Parameters
    ----------
    small
        Fewest persons a group may show.
    seconds
        Longest any one query may run.
    """
    check_columns(definition)
    asked_snapshot = definition.snapshot_of(site)
    counted = query(connection, "SELECT count(DISTINCT person_id) AS n FROM cohort_person", seconds=seconds)
    persons = counted["n"][0].as_py()
    findings = () if persons >= small else (f"the cohort has fewer than {small} persons",)
    risks, tables = [], {}
    for asked in definition.tables:
        risk, table = (_aggregate if asked.aggregate else _rows)(connection, asked, small, seconds)
        risks.append(risk)
        if table is not None:
            tables[asked.name] = table
    report = RiskReport(
        package=package,
        site=site,
        snapshot=asked_snapshot.id,
        snapshot_sha256=asked_snapshot.sha256,
        threshold=small,
        persons=persons if persons >= small else None,
        tables=tuple(risks),
        findings=findings,
    )
    return Examined(report, tables)


def _aggregate(
    connection: duckdb.DuckDBPyConnection, asked: AskedTable, small: int, seconds: int
) -> tuple[TableRisk, pa.Table | None]:
    scales = measures.scales(connection, asked, seconds)
    keys = [f"k{position}" for position in range(len(asked.group_by))]
    source = _source(asked.source, [*_keys(asked.group_by), *measures.exact_values(scales)])
    columns = [*keys, *measures.exact_sums(scales)]
    found = query(connection, _sql("cells", columns=", ".join(columns), source=source), seconds=seconds)
    groups = found.to_pylist()
    cells = [
        Cell(tuple(group[key] for key in keys), measures.persons_behind(group, asked.measures, scales))
        for group in groups
    ]
    hidden = hide(cells, small)
    names = [each.column for each in asked.group_by]
    table = pa.table(
        {
            **{name: found[key] for name, key in zip(names, keys, strict=True)},
            **{each.output: measures.column(each, groups, scales, hidden.all) for each in asked.measures},
            "suppressed": pa.array([position in hidden.all for position in range(len(groups))], pa.bool_()),
        }
    )
    shown = [cell.persons for position, cell in enumerate(cells) if position not in hidden.all]
    risk = TableRisk(
        name=asked.name,
        aggregate=True,
        groups=len(groups),
        hidden_small=len(hidden.small),
        hidden_complement=len(hidden.complement),
        smallest=min(shown, default=None),
        findings=() if shown else (f"no group of it has {small} persons",),
    )
    return risk, table if shown else None


def _rows(
    connection: duckdb.DuckDBPyConnection, asked: AskedTable, small: int, seconds: int
) -> tuple[TableRisk, pa.Table | None]:
    source = _source(asked.source, _keys(asked.columns))
    keys = [f"k{position}" for position in range(len(asked.columns))]
    quasi = [
        key
        for key, each in zip(keys, asked.columns, strict=True)
        if _check_column(asked, each).kind is Kind.QUASI
    ]
    # Without a quasi-identifier everybody is in one class; `()` groups the whole table.
    alike = _classes(connection, source, quasi or ["()"], small, seconds)
    same = _classes(connection, source, keys, small, seconds)
    findings = []
    if not same["classes"]:
        findings.append("it has no row")
    elif alike["below"]:
        findings.append(
            f"{alike['below']} of {alike['classes']} combinations of what neighbours may know "
            f"are shared by fewer than {small} persons"
        )
    elif same["below"]:
        findings.append(
            f"{same['below']} of {same['classes']} different rows are shared by fewer than {small} persons: "
            "a value known of someone would show the rest of the row"
        )
    smallest = alike["smallest"]
    risk = TableRisk(
        name=asked.name,
        aggregate=False,
        groups=same["classes"],
        smallest=smallest if smallest is not None and smallest >= small else None,
        findings=tuple(findings),
    )
    if findings:
        return risk, None
    columns = [f'{key} AS "{each.column}"' for key, each in zip(keys, asked.columns, strict=True)]
    return risk, query(connection, _sql("rows", columns=", ".join(columns), source=source), seconds=seconds)


def _classes(
    connection: duckdb.DuckDBPyConnection, source: str, keys: Sequence[str], small: int, seconds: int
) -> dict[str, Any]:
    sql = _sql("classes", keys=", ".join(keys), source=source)
    found: list[dict[str, Any]] = query(
        connection, sql, seconds=seconds, parameters={"small": small}
    ).to_pylist()
    return found[0]


def _check_column(asked: AskedTable, each: AskedColumn) -> Column:
    table = PERSON if each.of_person else schema.table(asked.source)
    declared = table.column(each.column)
    if declared.kind not in MAY_LEAVE:
        raise DisclosureRisk(
            f"table {asked.name}: {each.column} is a {declared.kind.value} column, which an anonymised "
            f"export never holds; {'/'.join(kind.value for kind in MAY_LEAVE)} columns may be asked for"
        )
    return declared


def _is_number(column: Column) -> bool:
    return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))


def _keys(columns: Sequence[AskedColumn]) -> list[str]:
    """SQL, over `asked.*` and `person.*`: the asked columns as k0, k1 …, banded where asked."""
    expressions = []
    for position, each in enumerate(columns):
        value = f'{"person" if each.of_person else "asked"}."{each.column}"'
        if each.band:
            value = f"{value} // {each.band} * {each.band}"
        expressions.append(f"{value} AS k{position}")
    return expressions


def _source(table: str, columns: Sequence[str]) -> str:
    return _sql("source", table=table, columns=", ".join(columns) or "NULL")


def _sql(name: str, **parts: str) -> str:
    text = (files("federim.governance") / "sql" / f"{name}.sql").read_text()
    # The caption names the parts, and must not have them put in.
    body = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return body.format(**parts)
