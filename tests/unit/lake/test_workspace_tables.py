"""What may go into a workspace is told by how columns are declared, and what nobody knows does not go."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from federim.lake import workspace_tables
from federim.lake.declaration import Column, Kind, Table
from federim.lake.schema import TABLES
from federim.lake.snapshot_tables import SNAPSHOT_TABLES
from federim.lake.workspace_tables import WITH_PIXELS, grantable, narrowed
from federim.model.errors import SchemaError, UnknownName

MEASUREMENT = TABLES["measurement"]


def with_column(kind: Kind, type_: pa.DataType = pa.string()) -> Table:
    """The table of measurements with one more column, which nothing checks."""
    more = Column(name="more", type=type_, description="", kind=kind)
    return replace(MEASUREMENT, columns=(*MEASUREMENT.columns, more))


def test_the_houses_own_bookkeeping_stays() -> None:
    for name, table in TABLES.items():
        if name != WITH_PIXELS:
            can_go = set(grantable(table))
            own = {column.name for column in table.columns if column.kind is Kind.OPERATION}
            assert not can_go & own
            assert can_go == ({column.name for column in table.columns} - own if table.person else set())


@pytest.mark.parametrize(
    ("kind", "type_", "goes"),
    [
        (Kind.VALUE, pa.string(), True),
        (Kind.QUASI, pa.int64(), True),
        (Kind.DATE, pa.date32(), True),
        (Kind.DATE, pa.timestamp("us"), True),
        (Kind.DATE, pa.string(), False),  # a day in words is not moved
        (Kind.UID, pa.string(), False),  # it may be of any form
        (Kind.PERSON, pa.string(), False),  # another than the one pseudonym
        (Kind.OPERATION, pa.int64(), False),
    ],
)
def test_a_column_goes_if_somebody_knows_how(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, type_: pa.DataType, goes: bool
) -> None:
    table = with_column(kind, type_)
    monkeypatch.setitem(SNAPSHOT_TABLES, table.name, table)
    assert ("more" in grantable(table)) is goes
    asked = {table.name: ("more",)}
    if goes:
        assert [each.name for each in narrowed(asked, pixels=False)[table.name].columns] == [
            "person_id",
            "more",
        ]
    else:
        with pytest.raises(SchemaError, match=r"measurement\.more"):
            narrowed(asked, pixels=False)


def test_a_grant_is_narrowed_to_its_columns_in_the_lakes_order() -> None:
    asked = {"measurement": ("value_as_number", "measurement_id"), "person": ()}
    tables = narrowed(asked, pixels=False)
    assert list(tables) == ["person", "measurement"]
    assert [each.name for each in tables["measurement"].columns] == [
        "person_id",
        "measurement_id",
        "value_as_number",
    ]
    assert tables["measurement"].sort == ("person_id",)
    assert [each.name for each in tables["person"].columns] == ["person_id"]


def test_objects_come_with_the_table_that_lists_them_and_not_without() -> None:
    assert set(narrowed({"person": ()}, pixels=True)) == {"person", WITH_PIXELS}
    with pytest.raises(SchemaError, match=WITH_PIXELS):
        narrowed({WITH_PIXELS: ("sha256",)}, pixels=False)


@pytest.mark.parametrize("asked", [{"run": ("run_id",)}, {"persons": ()}, {"person": ("born",)}])
def test_what_there_is_not_is_refused(asked: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(UnknownName):
        workspace_tables.narrowed(asked, pixels=False)
