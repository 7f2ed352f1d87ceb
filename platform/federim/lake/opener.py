"""Open the lake's Delta tables: nobody else says where a table lies or how it is reached."""

from __future__ import annotations

from deltalake import DeltaTable

from federim.home import Home
from federim.lake.schema import table


def opened(home: Home, name: str) -> DeltaTable | None:
    """The table as it is now; None before its first row.

    Raises
    ------
    UnknownName
        No table of that name is declared.
    """
    place = str(home.lake / table(name).name)
    return DeltaTable(place) if exists(home, name) else None


def exists(home: Home, name: str) -> bool:
    """Whether the table was made, that is, had rows once; `UnknownName` as `opened`."""
    return bool(DeltaTable.is_deltatable(str(home.lake / table(name).name)))
