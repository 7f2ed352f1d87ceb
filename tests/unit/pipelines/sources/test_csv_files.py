"""Reading CSV files by a column mapping."""

from __future__ import annotations

import csv as standard_csv
import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federim_pipelines.items import Item, Outcome, Reason
from federim_pipelines.sources import csv
from federim_pipelines.worker import Worker

WriteFile = Callable[..., Item]
OpenWorker = Callable[..., Worker]

BIOLOGY = """
[[file]]
pattern = "biology*.csv"
delimiter = ";"
decimal = ","
missing = ["", "-1"]

[file.person]
key = "IPP"
sex = { column = "SEX", male = ["M"], female = ["F"] }
birth = { column = "BORN", format = "%d/%m/%Y" }

[file.date]
column = "SAMPLED"
format = "%d/%m/%Y %H:%M"

[[file.measurement]]
column = "creatinine"
code = "14682-9"
system = "http://loinc.org"
unit = "umol/L"

[[file.condition]]
column = "diabetes"
present = ["1"]
code = "E11.9"
"""
HEADER = "IPP;SEX;BORN;SAMPLED;creatinine;diabetes\n"
LONG = """
[[file]]
pattern = "lab.csv"
id = ["n"]
[file.person]
key = "person"
issuer = "lab"
registers = true
[file.date]
column = "offset"
offset = "min"
day = 2015-01-01
[[file.measurement]]
column = "value"
code_column = "code"
system = "http://loinc.org"
unit_column = "unit"
"""


def rows(outcome: Outcome, table: str) -> list[dict[str, Any]]:
    return [row for record in outcome.records for name, row in record.rows if name == table]


def refused(outcome: Outcome) -> list[tuple[Reason, int | None, str]]:
    return [(refusal.reason, refusal.position, refusal.detail) for refusal in outcome.refusals]


def test_a_wide_row_becomes_a_person_and_a_row_a_variable(
    open_worker: OpenWorker, write_file: WriteFile
) -> None:
    worker = open_worker(BIOLOGY)
    item = write_file("biology_1.csv", f"{HEADER}7;F;09/04/1961;05/03/2024 08:30;88,5;1\n", source="csv")
    outcome = csv.read(item, worker)
    assert not outcome.refusals
    [person], [result], [diagnosis] = (
        rows(outcome, table) for table in ("person", "measurement", "condition_occurrence")
    )
    assert (person["year_of_birth"], person["gender_concept_id"], person["site"]) == (
        1961,
        8532,
        worker.home.name,
    )
    assert (result["value_as_number"], result["unit_source_value"]) == (88.5, "umol/L")
    moved = dt.datetime(2024, 3, 5, 8, 30) - result["measurement_datetime"]
    assert 1 <= moved.days <= 365
    assert moved.seconds == 0
    assert diagnosis["condition_source_value"] == "E11.9"


def test_a_missing_cell_makes_no_row_and_an_absent_condition_none(
    open_worker: OpenWorker, write_file: WriteFile
) -> None:
    item = write_file("biology.csv", f"{HEADER}7;F;;;-1;0\n", source="csv")
    outcome = csv.read(item, open_worker(BIOLOGY))
    assert [table for table, _ in outcome.records[0].rows] == ["person"]


def test_a_long_row_says_its_own_code_and_unit_and_days_may_be_counted(
    open_worker: OpenWorker, write_file: WriteFile
) -> None:
    item = write_file(
        "lab.csv", "n,person,code,value,unit,offset\n1,a,2951-2,<139,mmol/L,1500\n", source="csv"
    )
    worker = open_worker(LONG)
    outcome = csv.read(item, worker)
    [result] = rows(outcome, "measurement")
    assert (result["measurement_source_value"], result["operator"], result["value_as_number"]) == (
        "2951-2",
        "<",
        139,
    )
    subject = worker.exchange.find(next(csv.identities(item, worker.mapping.file[0])))  # type: ignore[union-attr]
    assert subject is not None
    assert result["measurement_date"] == dt.date(2015, 1, 2) + dt.timedelta(days=subject.date_shift_days)
    assert result["measurement_datetime"] is None


def test_a_remark_in_the_column_of_units_is_refused(open_worker: OpenWorker, write_file: WriteFile) -> None:
    content = "n,person,code,value,unit,offset\n1,a,8480-6,139,mm Hg,0\n2,a,8480-6,140,told by Mrs Martin,0\n"
    outcome = csv.read(write_file("lab.csv", content, source="csv"), open_worker(LONG))
    assert [row["unit_source_value"] for row in rows(outcome, "measurement")] == ["mm Hg"]
    assert refused(outcome) == [(Reason.VALUE_UNUSABLE, 3, "column unit: unit")]


@pytest.mark.parametrize("offset", ["99999999999999", "1e999", "-1e12"])
def test_a_delay_that_leaves_the_calendar_is_refused_alone(
    open_worker: OpenWorker, write_file: WriteFile, offset: str
) -> None:
    content = f"n,person,code,value,unit,offset\n1,a,8480-6,139,mm Hg,0\n2,a,8480-6,140,mm Hg,{offset}\n"
    outcome = csv.read(write_file("lab.csv", content, source="csv"), open_worker(LONG))
    assert len(rows(outcome, "measurement")) == 1
    assert refused(outcome) == [(Reason.DATE_UNUSABLE, 3, "column offset: out of the calendar")]


def test_a_year_of_more_digits_than_python_reads_is_refused_alone(
    open_worker: OpenWorker, write_file: WriteFile
) -> None:
    mapping = """
[[file]]
pattern = "p.csv"
person = { key = "k", birth = { column = "year", written = "year" } }
"""
    content = f"k,year\n1,1960\n2,{'9' * 6000}\n"
    outcome = csv.read(write_file("p.csv", content, source="csv"), open_worker(mapping))
    assert len(outcome.records) == 1
    assert refused(outcome) == [(Reason.VALUE_UNUSABLE, 3, "column year: not a whole number")]


@pytest.mark.parametrize(("age", "year"), [("30", 1985), ("> 89", 1936), ("0", 2015), ("95", 1936)])
def test_an_age_is_a_year_of_birth_and_the_oldest_are_one_group(
    open_worker: OpenWorker, write_file: WriteFile, age: str, year: int
) -> None:
    mapping = """
[[file]]
pattern = "p.csv"
person = { key = "k", birth = { column = "age", written = "age", year_column = "y", oldest = ["> 89"] } }
"""
    outcome = csv.read(write_file("p.csv", f"k,age,y\n1,{age},2015\n", source="csv"), open_worker(mapping))
    assert rows(outcome, "person")[0]["year_of_birth"] == year


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        (
            "7;F;09/04/1961;05/03/2024 08:30;Martin;1",
            Reason.VALUE_UNUSABLE,
            "column creatinine: not a number",
        ),
        ("7;F;09/04/1961;05/03/2024 08:30;8.5;1", Reason.VALUE_UNUSABLE, "column creatinine: not a number"),
        ("7;F;09/04/1961;Martin;88;1", Reason.DATE_UNUSABLE, "column SAMPLED"),
        ("7;F;Martin;05/03/2024 08:30;88;1", Reason.DATE_UNUSABLE, "column BORN"),
        (";F;09/04/1961;05/03/2024 08:30;88;1", Reason.PATIENT_UNKNOWN, "column IPP"),
        ("7;F;09/04/1961", Reason.UNREADABLE, "3 cells where the header has 6"),
        ("7;F;09/04/1961;05/03/2024 08:30;88;1;Martin", Reason.UNREADABLE, "7 cells where the header has 6"),
        (b"7;F;09/04/1961;05/03/2024 08:30;88;\xff", Reason.UNREADABLE, "bytes that are not utf-8"),
        (
            '7;F;09/04/1961;05/03/2024 08:30;88;"1"1',
            Reason.UNREADABLE,
            "a quote is not closed where it should",
        ),
    ],
)
def test_a_faulty_row_is_refused_alone_by_number_and_column(
    open_worker: OpenWorker, write_file: WriteFile, row: str | bytes, reason: Reason, detail: str
) -> None:
    good = b"8;M;01/01/1950;05/03/2024 08:30;70;0\n"
    raw = row if isinstance(row, bytes) else row.encode()
    item = write_file(
        "biology.csv", HEADER.encode() + good + raw + b"\n" + good.replace(b"8", b"9", 1), source="csv"
    )
    outcome = csv.read(item, open_worker(BIOLOGY))
    assert refused(outcome) == [(reason, 3, detail)]
    assert [record.position for record in outcome.records] == [2, 4]


def test_a_quote_left_open_is_refused_where_it_opens(open_worker: OpenWorker, write_file: WriteFile) -> None:
    content = f'{HEADER}7;F;;;88;1\n8;M;;;"88;1\n9;M;;;88;1\n'
    outcome = csv.read(write_file("biology.csv", content, source="csv"), open_worker(BIOLOGY))
    assert refused(outcome) == [(Reason.TRUNCATED, 3, "a quote is not closed where it should")]


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        ("IPP;SEX;BORN;SAMPLED;Creatinin;diabetes", "column creatinine is missing; the nearest is Creatinin"),
        ("7;F;09/04/1961;Martin;88;1", "column BORN is missing"),
        ("7;F;09/04/1961;Borne;88;1", "column BORN is missing"),
        ("7;F;09/04/1961;BORNE;88;1", "column BORN is missing"),
        ("IPP;SEX;BORN;SAMPLED;creatinine;diabetes;IPP", "column IPP is there 2 times"),
    ],
)
def test_a_file_whose_header_is_not_the_mappings_is_refused_once(
    open_worker: OpenWorker, write_file: WriteFile, header: str, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = write_file(
        "biology.csv", header + "\n" + "7;F;09/04/1961;05/03/2024 08:30;88;1\n" * 50, source="csv"
    )
    worker = open_worker(BIOLOGY)
    monkeypatch.setattr(csv, "SPAN_BYTES", 300)
    found = [each for piece in csv.spans(item) for each in refused(csv.read(piece, worker))]
    assert found == [(Reason.UNREADABLE, None, detail)]


def test_rows_about_somebody_no_register_names_are_refused(
    open_worker: OpenWorker, write_file: WriteFile
) -> None:
    worker = open_worker(LONG.replace("registers = true", ""))
    item = write_file("lab.csv", "n,person,code,value,unit,offset\n1,a,2951-2,139,mmol/L,0\n", source="csv")
    assert refused(csv.read(item, worker)) == [(Reason.PATIENT_UNKNOWN, 2, "column person")]
    assert list(csv.identities(item, worker.mapping.file[0])) == []  # type: ignore[union-attr]


def test_only_listed_values_become_observations(open_worker: OpenWorker, write_file: WriteFile) -> None:
    mapping = """
[[file]]
pattern = "p.csv"
person = { key = "k", registers = true }
[[file.observation]]
column = "status"
code = "discharge"
values = ["Alive", "Expired"]
"""
    item = write_file("p.csv", "k,status\n1,Alive\n2,left with Mrs Martin\n", source="csv")
    outcome = csv.read(item, open_worker(mapping))
    assert [row["value_source_code"] for row in rows(outcome, "observation")] == ["Alive"]
    assert refused(outcome) == [(Reason.VALUE_UNUSABLE, 3, "column status: not one of the mapping's values")]


def test_a_row_with_an_id_is_the_same_record_when_corrected_and_one_without_is_another(
    open_worker: OpenWorker, write_file: WriteFile
) -> None:
    worker = open_worker(LONG + BIOLOGY)
    header = "n,person,code,value,unit,offset\n"
    [one] = csv.read(
        write_file("lab.csv", f"{header}1,a,2951-2,139,mmol/L,0\n", source="csv"), worker
    ).records
    [two] = csv.read(
        write_file("lab.csv", f"{header}1,a,2951-2,140,mmol/L,0\n", source="csv"), worker
    ).records
    assert one.key == two.key
    assert one.content != two.content
    [one] = csv.read(write_file("biology.csv", f"{HEADER}7;F;;;88;1\n", source="csv"), worker).records
    [two] = csv.read(write_file("biology.csv", f"{HEADER}7;F;;;89;1\n", source="csv"), worker).records
    assert one.key != two.key


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(
    open_worker: OpenWorker, write_file: WriteFile
) -> None:
    content = "\N{ZERO WIDTH NO-BREAK SPACE}" + HEADER.replace("\n", "\r\n") + "7;F;;;88;1\r\n"
    outcome = csv.read(write_file("biology.csv", content, source="csv"), open_worker(BIOLOGY))
    assert not outcome.refusals
    assert len(rows(outcome, "measurement")) == 1


@given(
    table=st.lists(
        st.lists(st.text(st.sampled_from('ab",\n\r;é'), max_size=5), min_size=2, max_size=2),
        min_size=1,
        max_size=40,
    ),
    size=st.integers(1, 60),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_spans_put_together_are_the_file_and_cut_no_row(
    write_file: WriteFile, table: list[list[str]], size: int
) -> None:
    text = io.StringIO(newline="")
    standard_csv.writer(text, lineterminator="\n", quoting=standard_csv.QUOTE_ALL).writerows(table)
    item = write_file("a.csv", text.getvalue(), source="csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv, "SPAN_BYTES", size)
        pieces = list(csv.spans(item))
    content = item.path.read_bytes()
    parts = [content[piece.start : piece.end].decode() for piece in pieces]
    assert "".join(parts) == text.getvalue()
    read = [list(standard_csv.reader(io.StringIO(part, newline=""), strict=True)) for part in parts]
    assert [row for rows_ in read for row in rows_] == table
    first = 1
    for piece, rows_ in zip(pieces, read, strict=True):
        assert piece.first_line == first
        first += len(rows_)


RESULTS = """
[[file]]
pattern = "results.csv"
[file.person]
key = "person"
registers = true
[file.date]
day = 2015-01-01
[[file.measurement]]
column = "value"
code_column = "code"
system = "LN"
unit_column = "unit"
low_column = "low"
high_column = "high"
[[file.drug]]
code_column = "atc"
system = "ATC"
quantity_column = "dose"
unit = "mg"
"""
RESULTS_HEADER = "person,code,value,unit,low,high,atc,dose\n"


def test_a_result_and_its_limits_come_in_the_canonical_unit(
    open_worker: OpenWorker, write_file: WriteFile
) -> None:
    content = f"{RESULTS_HEADER}a,14682-9,0.0881,mmol/L,0.06,,,\n"
    [result] = rows(
        csv.read(write_file("results.csv", content, source="csv"), open_worker(RESULTS)), "measurement"
    )
    assert (result["value_as_number"], result["unit"]) == (88.1, "umol/L")
    assert (result["range_low"], result["range_high"]) == (60.0, None)
    assert (result["value_source_number"], result["unit_source_value"]) == (0.0881, "mmol/L")
    assert result["measurement_source_system"] == "http://loinc.org"


def test_a_unit_that_cannot_become_the_canonical_one_is_refused_by_its_column(
    open_worker: OpenWorker, write_file: WriteFile
) -> None:
    content = f"{RESULTS_HEADER}a,14682-9,8.8,mg/L,,,,\n"
    outcome = csv.read(write_file("results.csv", content, source="csv"), open_worker(RESULTS))
    expected = "column unit: unit: expected one that becomes umol/L, for LOINC 14682-9"
    assert refused(outcome) == [(Reason.VALUE_UNUSABLE, 2, expected)]


def test_a_drug_may_tell_its_dose(open_worker: OpenWorker, write_file: WriteFile) -> None:
    content = f"{RESULTS_HEADER}a,,,,,,V08AB02,75\na,,,,,,V08AB02,\n"
    [dosed, undosed] = rows(
        csv.read(write_file("results.csv", content, source="csv"), open_worker(RESULTS)), "drug_exposure"
    )
    assert (dosed["drug_source_value"], dosed["drug_source_system"]) == ("V08AB02", "http://www.whocc.no/atc")
    assert (dosed["quantity"], dosed["dose_unit_source_value"]) == (75.0, "mg")
    assert (undosed["quantity"], undosed["dose_unit_source_value"]) == (None, None)
