"""Results of real files, read by eye and written down in golden_results.csv before any program read them.

A unit is converted by hand there: what the lake keeps, and beside it what the source wrote.
"""

from __future__ import annotations

import csv
import datetime as dt
import glob
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim_pipelines.items import Reason
from federim_pipelines.run import ingest

GOLDEN = Path(__file__).with_name("golden_results.csv")
LONGEST_SHIFT = 365  # days, the other way

# What a result is, but for its day.
_COLUMNS = {
    "code": "measurement_source_value",
    "source_number": "value_source_number",
    "source_unit": "unit_source_value",
    "operator": "operator",
    "number": "value_as_number",
    "unit": "unit",
    "low": "range_low",
    "high": "range_high",
    "specimen": "specimen_source_value",
}
_NUMBERS = ("source_number", "number", "low", "high")

Result = tuple[Any, ...]


def golden() -> dict[str, list[tuple[Result, dt.date]]]:
    """What each file says: result and day."""
    files: dict[str, list[tuple[Result, dt.date]]] = defaultdict(list)
    with GOLDEN.open(newline="") as file:
        for row in csv.DictReader(file):
            result = _result({name: row[name] or None for name in _COLUMNS})
            files[row["file"]].append((result, dt.date.fromisoformat(row["date"])))
    return files


def _result(row: dict[str, Any]) -> Result:
    """A result that compares equal to itself converted elsewhere: nine digits are what any source writes."""
    return tuple(
        f"{float(value):.9g}" if name in _NUMBERS and value is not None else value
        for name, value in row.items()
    )


def by_person(home: Home) -> Iterator[set[tuple[Result, dt.date]]]:
    """Every person's results as the lake has them."""
    names = ", ".join(f'"{column}" AS {name}' for name, column in _COLUMNS.items())
    with connect_home(home) as connection:
        rows = query(connection, f"SELECT person_id, measurement_date, {names} FROM measurement", seconds=60)
    persons: dict[str, set[tuple[Result, dt.date]]] = defaultdict(set)
    for row in rows.to_pylist():
        person, day = row.pop("person_id"), row.pop("measurement_date")
        persons[person].add((_result(row), day))
    yield from persons.values()


def missing(expected: list[tuple[Result, dt.date]], held: set[tuple[Result, dt.date]]) -> list[Result]:
    """What a person's results lack of those expected, all days moved alike; the best of all such moves."""
    moves = {day - told for result, told in expected for other, day in held if other == result and day}
    lacking = [
        [result for result, day in expected if (result, day + move) not in held]
        for move in moves
        if -LONGEST_SHIFT <= move.days < 0
    ]
    return min(lacking, key=len, default=[result for result, _ in expected])


def found(shared_data: Path, name: str) -> Path:
    """The file of that name and those folders, or the one bundle whose name begins so."""
    folders, _, last = name.rpartition("/")
    [path] = [
        path
        for path in shared_data.rglob(f"{glob.escape(last)}*")
        if set(folders.split("/")) <= set(path.parts) and (path.name == last or path.suffix == ".json")
    ]
    return path


@pytest.mark.parametrize("name", golden())
def test_results_are_what_the_file_says(site: Home, shared_data: Path, name: str) -> None:
    expected = golden()[name]
    ingest(site, [found(shared_data, name)], test_identities=True)
    assert min((missing(expected, held) for held in by_person(site)), key=len) == []


# Of each folder: files read, accepted, with nothing new, quarantined; what was refused in them; rows then.
# fmt: off
ACCOUNTS: dict[str, tuple[tuple[int, int, int, int], dict[Reason, int], dict[str, int]]] = {
    # A platelet distribution width in %, under the code of the one in fL.
    "ansforge-CDA": ((7, 7, 0, 0), {Reason.VALUE_UNUSABLE: 1}, {"person": 1, "report": 7}),
    # One patient. Two acknowledgements. Three radiologist's reports that their sender hid, and a deletion.
    # A report of the laboratory in its second version, read before its first, which tells the same width; and
    # the deletion of their order, which takes both along. Five stays, one of them told thrice.
    "ansforge-hl7v2": (
        (16, 9, 5, 2),
        {Reason.NOT_SUPPORTED: 2, Reason.CONFIDENTIAL: 3, Reason.VALUE_UNUSABLE: 2},
        {"person": 1, "report": 0, "visit_occurrence": 5},
    ),
    # Two begin in the midst of a message, one only orders an examination, and one tells its result in words.
    "hl7eu-oru": ((4, 1, 0, 3), {Reason.NOT_SUPPORTED: 3}, {"person": 1, "report": 1, "measurement": 0}),
    # Lines counted with wc; what DocumentReference has is words.
    "synthea-smart10": (
        (4, 3, 0, 1),
        {Reason.NOT_SUPPORTED: 1},
        {"person": 13, "condition_occurrence": 555, "visit_occurrence": 1215},
    ),
}
# fmt: on


@pytest.mark.parametrize("folder", ACCOUNTS)
def test_every_file_of_a_folder_is_accounted_for(site: Home, shared_data: Path, folder: str) -> None:
    files, reasons, rows = ACCOUNTS[folder]
    report = ingest(site, [shared_data / folder], test_identities=True)
    assert (report.read, report.accepted, report.duplicates, report.quarantined) == files
    assert report.reasons == reasons
    with connect_home(site) as connection:
        counted = {
            name: query(connection, f"SELECT count(*) AS n FROM {name}", seconds=60)["n"][0].as_py()
            for name in rows
        }
    assert counted == rows
