"""One project's keys and dates are the lake's, renamed and moved: nothing is merged, and nothing stays."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.identity.projects import ProjectSubject
from federim.lake.images import StoredObject
from federim.lake.schema import TABLES
from federim.model.errors import SchemaError
from federim.model.identifiers import Pseudonym
from federim_pipelines.deidentify.dates import DUMMY_DAY
from federim_pipelines.deidentify.part10 import IMPLEMENTATION_CLASS
from federim_pipelines.workspace.hop import ProjectHop, drawings_of
from federim_pipelines.workspace.rows import ProjectRows

ADA, BEN = Pseudonym("ada0" * 8), Pseudonym("be00" * 8)
KEYS = st.one_of(
    st.integers(1, 2**128 - 1).map(lambda number: f"2.25.{number}"),
    st.binary(min_size=16, max_size=16).map(bytes.hex),
)
DAYS = st.dates(dt.date(1850, 1, 1), dt.date(2200, 1, 1))


def hop(project: int = 0, days: int = -10) -> ProjectHop:
    subject = ProjectSubject(
        pseudonym=Pseudonym(f"{project:02x}" * 16), date_shift_days=days, uid_key=bytes([project]) * 32
    )
    return ProjectHop(subject=subject, drawings=frozenset({"ABCDEFGHIJKLMNOP"}))


@given(st.lists(KEYS, min_size=2, unique=True))
def test_every_key_has_one_of_its_own_kind_in_each_project(keys: list[str]) -> None:
    one, two = [[hop(project).key(each) for each in keys] for project in (1, 2)]
    assert len({*keys, *one, *two}) == 3 * len(keys)
    for before, after in zip(keys, one, strict=True):
        assert ("2.25." in before) == ("2.25." in after)
        assert before.startswith("2.25.") or len(after) == 32
        assert hop(1).value(before) == after or not before.startswith("2.25.")


@pytest.mark.parametrize("told", ["1.2.840.113619.2.1", "IPP-7", "", "A" * 32])
def test_what_the_lake_did_not_key_is_no_key(told: str) -> None:
    with pytest.raises(SchemaError) as refused:
        hop().key(told)
    assert not told or told not in str(refused.value)


def test_an_object_keeps_what_is_the_standards_and_the_houses() -> None:
    for told in ("1.2.840.10008.5.1.4.1.1.2", IMPLEMENTATION_CLASS, "BITMAP", "LAYER1"):
        assert hop().value(told) == told
    drawn = {project: hop(project).value("ABCDEFGHIJKLMNOP") for project in (1, 2)}
    assert len({"ABCDEFGHIJKLMNOP", *drawn.values()}) == 3
    assert {len(each) for each in drawn.values()} == {16}


def test_drawings_are_what_the_vault_remembers_beside_uids_and_keys() -> None:
    told = {"2.25.7": "1.2.3", "0a" * 16: "record:[]", "ABCDEFGHIJKLMNOP": "drawing:X"}
    assert drawings_of(told) == {"ABCDEFGHIJKLMNOP"}


@given(st.lists(DAYS, min_size=2), st.integers(-730, 730).filter(bool))
def test_intervals_of_an_object_stay(days: list[dt.date], by: int) -> None:
    moved = [hop(days=by).date("DA", f"{day:%Y%m%d}") for day in days]
    for before, after in zip(days, moved, strict=True):
        assert dt.datetime.strptime(after, "%Y%m%d").date() - before == dt.timedelta(days=by)
    assert hop(days=by).date("DT", "20240229101500.5") != "20240229101500.5"


def test_a_dummy_day_stays_and_a_day_that_cannot_be_moved_becomes_one() -> None:
    for told in ("18000101", "18000101000000", ""):
        assert hop().date("DA", told) == told
    for told in ("18000301", "99991231", "no day"):
        assert hop().date("DA", told) == "18000101"


def rows(**columns: list[Any]) -> pa.Table:
    declared = {column.name: column.type for column in TABLES["visit_occurrence"].columns}
    size = len(columns["person_id"])
    return pa.table(
        {name: pa.array(columns.get(name, [None] * size), type_) for name, type_ in declared.items()}
    )


def test_rows_of_several_persons_move_by_their_own_days() -> None:
    hops = {ADA: hop(1, days=-3), BEN: hop(2, days=5)}
    day, at = dt.date(2024, 3, 1), dt.datetime(2024, 3, 1, 8, 30)
    told = rows(
        person_id=[BEN, ADA, ADA],
        visit_occurrence_id=["0a" * 16, "0b" * 16, "0c" * 16],
        visit_source_value=["IMP", "EMER", "IMP"],
        visit_start_date=[day, day, DUMMY_DAY],
        visit_start_datetime=[at, at, None],
    )
    made = ProjectRows(hops, {})(TABLES["visit_occurrence"], told).to_pylist()
    found = {(row["person_id"], row["visit_start_date"], row["visit_start_datetime"]) for row in made}
    assert found == {
        (hops[BEN].person_id, dt.date(2024, 3, 6), dt.datetime(2024, 3, 6, 8, 30)),
        (hops[ADA].person_id, dt.date(2024, 2, 27), dt.datetime(2024, 2, 27, 8, 30)),
        (hops[ADA].person_id, DUMMY_DAY, None),
    }
    assert len({row["visit_occurrence_id"] for row in made} | {"0a" * 16, "0b" * 16, "0c" * 16}) == 6


def test_rows_of_objects_that_did_not_come_are_left_out() -> None:
    table = TABLES["instance_file"]
    told = pa.table(
        {
            "person_id": [ADA, ADA],
            "SeriesInstanceUID": ["2.25.1", "2.25.1"],
            "SOPInstanceUID": ["2.25.2", "2.25.3"],
            "sha256": ["0" * 64, "1" * 64],
            "path": ["00/00/0.dcm", "11/11/1.dcm"],
            "size": [10, 11],
        }
    )
    stored = {"11/11/1.dcm": StoredObject(sha256="2" * 64, path="22/22/2.dcm", size=12)}
    [row] = ProjectRows({ADA: hop(1)}, stored)(table, told).to_pylist()
    assert (row["sha256"], row["path"], row["size"]) == ("2" * 64, "22/22/2.dcm", 12)
    assert row["SOPInstanceUID"] == hop(1).key("2.25.3")
