"""Turn one row of a CSV file into rows of the lake, as its column mapping says."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass

from federim.keys import keyed
from federim.model.identifiers import SiteName, Subject
from federim_pipelines.codes.code import Code, is_code, is_unit
from federim_pipelines.deidentify.dates import OLDEST_AGE, year_of_birth
from federim_pipelines.extract import codes
from federim_pipelines.extract.clinical import FEMALE, MALE, UNKNOWN_GENDER, Rows, person
from federim_pipelines.extract.moments import Moment
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason, Row
from federim_pipelines.sources.mapping import Birth, CsvFile, Happened, Measured, Observed, Sex, When

Cell = Callable[[str], str | None]  # the text in a column, None where it is one of the file's missing values

_NUMBER = re.compile(r"([<>]=?)?\s*([+-]?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?)")
_UNIT = {"d": dt.timedelta(days=1), "h": dt.timedelta(hours=1), "min": dt.timedelta(minutes=1)}


@dataclass(frozen=True, slots=True)
class _Fact:
    """Which table a kind of fact goes to, and its columns there."""

    table: str
    id: str
    date: str
    datetime: str | None = None


_FACTS = {
    "measurement": _Fact("measurement", "measurement_id", "measurement_date", "measurement_datetime"),
    "observation": _Fact("observation", "observation_id", "observation_date"),
    "condition": _Fact("condition_occurrence", "condition_occurrence_id", "condition_start_date"),
    "procedure": _Fact("procedure_occurrence", "procedure_occurrence_id", "procedure_date"),
}


@dataclass(frozen=True)
class Reading:
    """What all rows of one file share."""

    file: CsvFile
    site: SiteName
    year: int  # of the import, against which great ages are grouped

    def rows(self, cell: Cell, subject: Subject, key: bytes) -> Rows:
        """The lake's rows of one CSV row; a missing value makes no row.

        Parameters
        ----------
        key : bytes, 16
            The record's, from which those of its facts are derived.

        Raises
        ------
        Unusable
            A number, a date, a code or a listed value is not one; the detail names the column.
        """
        told = self.file.person
        rows: Rows = [
            person(
                subject,
                self.site,
                year_of_birth=_born(told.birth, cell, self.year) if told.birth else None,
                gender=_gender(told.sex, cell) if told.sex else None,
            )
        ]
        parts: dict[str, tuple[Measured | Observed | Happened, ...]] = {
            "measurement": self.file.measurement,
            "observation": self.file.observation,
            "condition": self.file.condition,
            "procedure": self.file.procedure,
        }
        for noun, fact in _FACTS.items():
            for place, part in enumerate(parts[noun]):
                value = _value(part, cell, self.file.decimal)
                if value is None:
                    continue
                at = self._moment(part.date or self.file.date, cell).shifted(subject.date_shift_days)
                row: Row = {
                    "person_id": subject.person_id,
                    fact.id: keyed(key, noun, str(place))[:16].hex(),
                    **codes.columns(noun, _code(part, cell)),
                    fact.date: at.date,
                    **value,
                }
                if fact.datetime:
                    row[fact.datetime] = at.datetime
                rows.append((fact.table, row))
        return rows

    def _moment(self, when: When | None, cell: Cell) -> Moment:
        if when is None:
            return Moment()
        if when.column is None:
            return Moment(when.day)
        text = cell(when.column)
        if text is None:
            return Moment()
        if when.offset is None:
            return _parsed(text, when.format, when.column)
        assert when.day is not None  # the mapping's own check
        delay = _number(text, when.column, self.file.decimal)[1] * _UNIT[when.offset]
        return Moment((dt.datetime.combine(when.day, dt.time()) + delay).date())


def _value(part: Measured | Observed | Happened, cell: Cell, decimal: str) -> Row | None:
    """The columns a fact's value fills; None where the cell is missing, or does not say it happened."""
    column = part.column or part.code_column
    assert column is not None  # the mapping's own check
    text = cell(column)
    if text is None:
        return None
    if isinstance(part, Happened):
        return None if part.present and text not in part.present else {}
    if isinstance(part, Observed) and not part.number:
        if text not in part.values:
            raise Unusable(Reason.VALUE_UNUSABLE, f"column {column}: not one of the mapping's values")
        return {"value_source_code": text}
    operator, number = _number(text, column, decimal)
    if isinstance(part, Observed):
        return {"value_as_number": number}
    unit = cell(part.unit_column) if part.unit_column else part.unit
    if part.unit_column and unit is not None and not is_unit(unit):
        raise Unusable(Reason.VALUE_UNUSABLE, f"column {part.unit_column}: not a unit")
    return {"value_as_number": number, "operator": operator, "unit_source_value": unit}


def _code(part: Measured | Observed | Happened, cell: Cell) -> Code:
    if part.code is not None:
        return Code(part.code, part.system)
    assert part.code_column is not None  # the mapping's own check
    code = cell(part.code_column)
    if code is None or not is_code(code):
        raise Unusable(Reason.CODE_MISSING, f"column {part.code_column}")
    return Code(code, part.system)


def _number(text: str, column: str, decimal: str) -> tuple[str | None, float]:
    match = _NUMBER.fullmatch(text)
    wrong = "," if decimal == "." else "."
    if match is None or wrong in text:
        raise Unusable(Reason.VALUE_UNUSABLE, f"column {column}: not a number")
    return match[1], float(match[2].replace(",", "."))


def _parsed(text: str, format_: str, column: str) -> Moment:
    try:
        instant = dt.datetime.strptime(text, format_) if format_ else dt.datetime.fromisoformat(text)
    except ValueError:
        raise Unusable(Reason.DATE_UNUSABLE, f"column {column}") from None
    timed = "%H" in format_ or "%I" in format_ if format_ else len(text) > len("YYYY-MM-DD")
    return Moment(instant.date(), instant.replace(tzinfo=None) if timed else None)


def _born(birth: Birth, cell: Cell, import_year: int) -> int | None:
    text = cell(birth.column)
    if text is None:
        return None
    if birth.written == "date":
        day = _parsed(text, birth.format, birth.column).date
        return None if day is None else year_of_birth(day, import_year)
    if birth.written == "year":
        return year_of_birth(_first_of(_whole(text, birth.column), birth.column), import_year)
    told = birth.year if birth.year_column is None else cell(birth.year_column)
    if told is None:
        return None
    age = OLDEST_AGE if text in birth.oldest else _whole(text, birth.column)
    return year_of_birth(_first_of(_whole(str(told), birth.column) - age, birth.column), import_year)


def _whole(text: str, column: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise Unusable(Reason.VALUE_UNUSABLE, f"column {column}: not a whole number")
    return int(text)


def _first_of(year: int, column: str) -> dt.date:
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        raise Unusable(Reason.VALUE_UNUSABLE, f"column {column}: not a year")
    return dt.date(year, 1, 1)


def _gender(sex: Sex, cell: Cell) -> int | None:
    text = cell(sex.column)
    if text is None:
        return None
    return MALE if text in sex.male else FEMALE if text in sex.female else UNKNOWN_GENDER
