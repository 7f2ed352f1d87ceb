"""Rows of one subject become, column by column as declared, what they would be of the other."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest
from two_subjects import RECORD_KEY, Person

from federim.lake.check import to_arrow
from federim.lake.declaration import Kind, Table
from federim.lake.declared.clinical import REPORT, REPORT_STUDY
from federim.lake.declared.columns import UID
from federim.lake.declared.imaging import IMAGE_OCCURRENCE, STUDY
from federim.lake.declared.persons import PERSON
from federim.lake.snapshot import SNAPSHOT_TABLES
from federim.model.errors import LakeError
from federim_pipelines.extract.facts import study_part
from federim_pipelines.keying import Keying
from federim_pipelines.rekeyed_rows import RekeyedRows

DAY = dt.date(2024, 3, 5)
RECORD = "ab" * 16  # what names a row by the record it came from, which hangs on nobody
VALUES = {
    pa.string(): "x",
    pa.int32(): 7,
    pa.int64(): 7,
    pa.float64(): 1.5,
    pa.bool_(): True,
}


def _row(table: Table, keying: Keying) -> dict[str, Any]:
    """A row with something in each column, as a worker would make it for that subject."""
    moved = DAY + dt.timedelta(days=keying.subject.date_shift_days)
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.kind is Kind.PERSON:
            row[column.name] = keying.subject.person_id
        elif column.kind is Kind.DATE:
            row[column.name] = (
                moved if column.type == pa.date32() else dt.datetime.combine(moved, dt.time(9, 30))
            )
        elif column.check is UID:
            row[column.name] = keying.uid(f"1.2.3.{len(column.name)}")
        elif column.name == "accession_key":
            row[column.name] = keying.accession("A-1")
        elif column.kind is Kind.UID:
            row[column.name] = RECORD
        else:
            row[column.name] = VALUES[column.type]
    if table is PERSON:
        row |= {"linked": keying.subject.linked, "identity_doubts": None}
    if table is REPORT_STUDY:
        row["report_study_id"] = study_part(RECORD, 0)
    return row


def _columns(table: Table, *rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=pa.schema([column.arrow for column in table.columns]))


@pytest.mark.parametrize("name", SNAPSHOT_TABLES)
def test_the_rows_of_every_table_follow(name: str) -> None:
    table, person = SNAPSHOT_TABLES[name], Person()
    before = _columns(table, _row(table, person.old), _row(table, person.old))
    after = _columns(table, _row(table, person.new), _row(table, person.new))
    assert RekeyedRows(person.rekeying())(table, before).to_pylist() == after.to_pylist()


def test_what_is_absent_stays_absent() -> None:
    table, person = IMAGE_OCCURRENCE, Person()
    row = {column.name: None for column in table.columns if not column.required}
    row = _row(table, person.old) | row
    [made] = RekeyedRows(person.rekeying())(table, _columns(table, row)).to_pylist()
    assert {name for name, value in made.items() if value is None} == {
        column.name for column in table.columns if not column.required
    }


def test_a_date_that_says_nothing_is_not_moved() -> None:
    person = Person()
    row = _row(STUDY, person.old) | {"StudyDate": dt.date(1800, 1, 1)}
    [made] = RekeyedRows(person.rekeying())(STUDY, _columns(STUDY, row)).to_pylist()
    assert made["StudyDate"] == dt.date(1800, 1, 1)


def test_a_report_whose_name_holds_the_person_takes_its_studies_along() -> None:
    person = Person()
    names = [each.record(RECORD_KEY, "hl7v2", "report", "R-1").hex() for each in (person.old, person.new)]
    rows = [
        _row(REPORT_STUDY, each) | {"report_id": name, "report_study_id": study_part(name, 3)}
        for each, name in zip((person.old, person.new), names, strict=True)
    ]
    change = person.rekeying()
    [made] = RekeyedRows(change)(REPORT_STUDY, _columns(REPORT_STUDY, rows[0])).to_pylist()
    assert made == rows[1]
    [report] = RekeyedRows(change)(
        REPORT, _columns(REPORT, _row(REPORT, person.old) | {"report_id": names[0]})
    ).to_pylist()
    assert report["report_id"] == names[1]


def test_a_study_that_no_report_names_is_told() -> None:
    person = Person()
    name = person.old.record(RECORD_KEY, "hl7v2", "report", "R-1").hex()
    row = _row(REPORT_STUDY, person.old) | {"report_id": name, "report_study_id": RECORD}
    with pytest.raises(LakeError, match="report_study"):
        RekeyedRows(person.rekeying())(REPORT_STUDY, _columns(REPORT_STUDY, row))


def test_made_rows_are_what_their_table_declares() -> None:
    person = Person()
    row = _row(STUDY, person.old) | {"PatientAge": 40}
    [made] = RekeyedRows(person.rekeying())(STUDY, _columns(STUDY, row)).to_pylist()
    assert to_arrow(STUDY, [made]).num_rows == 1
