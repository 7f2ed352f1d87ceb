"""What it takes to declare a table: its columns, their kinds and checks, and what a repeated row does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc

from federim.model.errors import UnknownName


class Kind(StrEnum):
    """What a column could tell of a person, and so how it may leave."""

    PERSON = "person"  # the pseudonym: never in an anonymous export
    UID = "uid"  # a keyed identifier of an object or event: never in an anonymous export
    DATE = "date"  # shifted by person; never in an anonymous export
    QUASI = "quasi"  # known to neighbours or employers: counts for k-anonymity
    VALUE = "value"  # what research is about
    OPERATION = "operation"  # the house's own bookkeeping


@dataclass(frozen=True, slots=True)
class Check:
    """A condition every non-null value of a column meets, with the words a reader gets if one does not."""

    says: str
    holds: Callable[[pa.ChunkedArray], pa.ChunkedArray] = field(repr=False, compare=False)


def between(low: float, high: float) -> Check:
    """Values in [low, high]."""
    return Check(
        f"between {low:g} and {high:g}",
        lambda values: pc.and_(pc.greater_equal(values, low), pc.less_equal(values, high)),
    )


def matching(pattern: str, says: str) -> Check:
    """Text that matches `pattern` from end to end."""
    whole = f"^(?:{pattern})$"
    re.compile(whole)
    return Check(says, lambda values: pc.match_substring_regex(values, whole))


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `unit` is UCUM; `code_system` names where codes come from."""

    name: str
    type: pa.DataType
    description: str
    kind: Kind
    unit: str = ""
    code_system: str = ""
    check: Check | None = None
    required: bool = False
    added_later: bool = False  # files written before it was declared are without it, which reads as null

    @property
    def arrow(self) -> pa.Field:
        return pa.field(self.name, self.type, nullable=not self.required)


class OnRepeat(StrEnum):
    """What a row whose key is already in the table does."""

    SKIP = "skip"  # the first one stays
    FILL = "fill"  # nulls of the first one are filled; `adds` columns are summed, `tops` ones grow


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table: its grain, its key, the order of rows in its files."""

    name: str
    grain: str
    description: str
    key: tuple[str, ...]
    sort: tuple[str, ...]
    columns: tuple[Column, ...]
    on_repeat: OnRepeat = OnRepeat.SKIP
    adds: tuple[str, ...] = ()
    tops: tuple[str, ...] = ()  # the greatest value stays, whichever row came first
    person: bool = True  # has a person_id and is cut in buckets by it

    @property
    def arrow(self) -> pa.Schema:
        """The declared Arrow schema, `bucket` included where the table has persons."""
        fields = [column.arrow for column in self.columns]
        if self.person:
            fields.append(pa.field("bucket", pa.int8(), nullable=False))
        return pa.schema(fields)

    def column(self, name: str) -> Column:
        """The column called `name`; raise `UnknownName` with the nearest one."""
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownName(f"column of {self.name}", name, [column.name for column in self.columns])
