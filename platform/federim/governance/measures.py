"""Compute sums, means and deviations that are the same to the last bit at any number of threads."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import duckdb
import pyarrow as pa

from federim.lake.reader import query
from federim.model.export import AskedMeasure, AskedTable, Measure

# A scaled value is below 2^40 (1.1e12), so a decimal keeps 12 of its decimals and sums 10^13 of them.
SCALED_BITS = 40
VALUE_TYPE = "DECIMAL(38, 12)"
# For deviations it is rounded to a whole number below 2^46, whose square is exact and sums 10^10 times:
# equal values then deviate by exactly nothing.
WHOLE = 64
DIGITS = 80  # of the last divisions and subtractions: twice what the sums hold

Group = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scaled:
    """A measured column, and the power of two its values are multiplied by to fit the decimals."""

    column: str
    position: int
    exponent: int

    @property
    def factor(self) -> Decimal:
        return Decimal(2.0**self.exponent)


def scales(connection: duckdb.DuckDBPyConnection, asked: AskedTable, seconds: int) -> dict[str, Scaled]:
    """How to scale each column that `asked` measures, from the largest finite value it has."""
    found: dict[str, Scaled] = {}
    for name in dict.fromkeys(each.column for each in asked.measures if each.column):
        value = f'abs("{name}"::DOUBLE)'
        sql = f'SELECT max({value}) FILTER (isfinite({value})) AS largest FROM "{asked.source}"'
        largest = query(connection, sql, seconds=seconds)["largest"][0].as_py()
        exponent = SCALED_BITS - math.frexp(largest)[1] if largest else 0
        found[name] = Scaled(name, len(found), min(exponent, 900))  # 2^1024 is no double
    return found


def exact_values(scaled: Mapping[str, Scaled]) -> list[str]:
    """SQL, over `asked.*`: each measured column as decimals (v0, v1 …) and whole (w0 …), if finite."""
    expressions = []
    for each in scaled.values():
        value = f"asked.\"{each.column}\"::DOUBLE * CAST('{2.0**each.exponent!r}' AS DOUBLE)"
        finite = f'isfinite(asked."{each.column}"::DOUBLE)'
        at = each.position
        expressions += [
            f"CASE WHEN {finite} THEN CAST({value} AS {VALUE_TYPE}) END AS v{at}",
            f"CASE WHEN {finite} THEN CAST(round({value} * {WHOLE}) AS HUGEINT) END AS w{at}",
        ]
    return expressions


def exact_sums(scaled: Mapping[str, Scaled]) -> list[str]:
    """SQL, over those: rows and persons of a group, and per column its values, persons and sums."""
    sums = ["count(*) AS n", "count(DISTINCT person_id) AS p"]
    for each in scaled.values():
        at = each.position
        sums += [
            f"count(v{at}) AS n{at}",
            f"count(DISTINCT person_id) FILTER (v{at} IS NOT NULL) AS p{at}",
            f"sum(v{at}) AS s{at}",
            f"sum(w{at}) AS t{at}",
            f"sum(w{at} * w{at}) AS tt{at}",
        ]
    return sums


def persons_behind(group: Group, measures: Sequence[AskedMeasure], scaled: Mapping[str, Scaled]) -> int:
    """The fewest persons any measure of the group is made from: a mean of one value tells that value."""
    names = {f"p{scaled[each.column].position}" if each.column else "p" for each in measures}
    return min(int(group[name]) for name in names)


def column(
    asked: AskedMeasure, groups: Sequence[Group], scaled: Mapping[str, Scaled], hidden: Collection[int]
) -> pa.Array:
    """One measure of every group, in order; null where the group is hidden."""
    if asked.measure in (Measure.ROWS, Measure.PERSONS):
        name = "n" if asked.measure is Measure.ROWS else "p"
        counts = [None if position in hidden else group[name] for position, group in enumerate(groups)]
        return pa.array(counts, pa.int64())
    of = scaled[asked.column]
    values = [
        None if position in hidden else _value(asked.measure, group, of)
        for position, group in enumerate(groups)
    ]
    return pa.array(values, pa.float64())


def _value(measure: Measure, group: Group, of: Scaled) -> float:
    count, total, whole, squares = (Decimal(group[f"{name}{of.position}"]) for name in ("n", "s", "t", "tt"))
    with localcontext(prec=DIGITS):
        if measure is Measure.SUM:
            return float(total / of.factor)
        if measure is Measure.MEAN:
            return float(total / count / of.factor)
        variance = (squares - whole * whole / count) / (count - 1)
        return float(variance.sqrt() / WHOLE / of.factor)
