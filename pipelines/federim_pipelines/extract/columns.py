"""Turn one row of a CSV file into rows of the lake, as its column mapping says."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from federim.model.identifiers import SiteName, Subject
from federim_pipelines.codes.code import Code
from federim_pipelines.codes.codebook import Codebook
from federim_pipelines.codes.shapes import coded
from federim_pipelines.codes.systems import system_uri
from federim_pipelines.deidentify.dates import OLDEST_AGE, year_of_birth
from federim_pipelines.extract.facts import (
    FEMALE,
    MALE,
    UNKNOWN_GENDER,
    Facts,
    Rows,
    TableRow,
    part_key,
    person,
)
from federim_pipelines.extract.moments import Moment
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.mapping import Birth, CsvFile, Given, Happened, Measured, Observed, Sex, When

Cell = Callable[[str], str | None]  # the text in a column, None where it is one of the file's missing values
Part = Measured | Observed | Happened | Given

_NUMBER = re.compile(r"([<>]=?)?\s*([+-]?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?)")
_LONGEST_WHOLE = 9  # digits of a year or an age, many times over
_UNIT = {"d": dt.timedelta(days=1), "h": dt.timedelta(hours=1), "min": dt.timedelta(minutes=1)}


@dataclass(frozen=True)
class Reading:
    """What all rows of one file share."""

    file: CsvFile
    site: SiteName
    year: int  # of the import, against which great ages are grouped
    codebook: Codebook

    def rows(self, cell: Cell, subject: Subject, key: bytes) -> Rows:
        """The lake's rows of one CSV row; a missing value makes no row.

        Parameters
        ----------
        key : bytes, 16
            The record's, from which those of its facts are derived.

        Raises
        ------
        Unusable
            A number, a date, a code, a unit or a listed value is not one; the detail names the column.
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
        facts = Facts(subject=subject, codebook=self.codebook)
        for noun, place, part in self._parts():
            row = self._fact(facts, noun, part, cell, part_key(key, noun, place))
            if row is not None:
                rows.append(row)
        return rows

    def _parts(self) -> Iterator[tuple[str, int, Part]]:
        parts: dict[str, tuple[Part, ...]] = {
            "measurement": self.file.measurement,
            "observation": self.file.observation,
            "condition": self.file.condition,
            "procedure": self.file.procedure,
            "drug": self.file.drug,
        }
        for noun, several in parts.items():
            for place, part in enumerate(several):
                yield noun, place, part

    def _fact(self, facts: Facts, noun: str, part: Part, cell: Cell, key: str) -> TableRow | None:
        """The row of one fact; None where its cell is missing, or does not say it happened."""
        column = part.column or part.code_column
        assert column is not None  # the mapping's own check
        text = cell(column)
        if text is None or (isinstance(part, Happened) and part.present and text not in part.present):
            return None
        code, at = _code(part, cell), self._moment(part.date or self.file.date, cell)
        if isinstance(part, Measured):
            return self._measurement(facts, part, cell, key, code, at)
        if isinstance(part, Observed):
            if part.number:
                return facts.observation(key, code, at, number=_number(text, column, self.file.decimal)[1])
            if text not in part.values:
                raise Unusable(Reason.VALUE_UNUSABLE, f"column {column}: not one of the mapping's values")
            return facts.observation(key, code, at, value=Code(text, None))
        if isinstance(part, Given):
            dose = self._optional(part.quantity_column, cell)
            unit = _unit(part, cell)
            return facts.drug(key, code, at, quantity=dose, unit=None if dose is None else unit)
        return facts.condition(key, code, at) if noun == "condition" else facts.procedure(key, code, at)

    def _measurement(
        self, facts: Facts, part: Measured, cell: Cell, key: str, code: Code, at: Moment
    ) -> TableRow:
        text = cell(part.column)
        assert text is not None  # `_fact` asked
        operator, number = _number(text, part.column, self.file.decimal)
        limits = self._optional(part.low_column, cell), self._optional(part.high_column, cell)
        unit = _unit(part, cell)
        try:
            return facts.measurement(
                key, code, at, number=number, operator=operator, unit=unit, limits=limits
            )
        except Unusable as refused:
            where = f"column {part.unit_column or part.column}: {refused.detail}"
            raise Unusable(refused.reason, where) from None

    def _optional(self, column: str | None, cell: Cell) -> float | None:
        text = None if column is None else cell(column)
        return None if column is None or text is None else _number(text, column, self.file.decimal)[1]

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
        units = _number(text, when.column, self.file.decimal)[1]
        try:
            return Moment((dt.datetime.combine(when.day, dt.time()) + units * _UNIT[when.offset]).date())
        except OverflowError:
            raise Unusable(Reason.DATE_UNUSABLE, f"column {when.column}: out of the calendar") from None


def _unit(part: Measured | Given, cell: Cell) -> str | None:
    return cell(part.unit_column) if part.unit_column else part.unit


def _code(part: Part, cell: Cell) -> Code:
    system = None if part.system is None else system_uri(part.system) or part.system
    if part.code is not None:
        return Code(part.code, system)
    assert part.code_column is not None  # the mapping's own check
    code = coded(cell(part.code_column) or "", system)
    if code is None:
        raise Unusable(Reason.CODE_MISSING, f"column {part.code_column}")
    return code


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
    if not text.isascii() or not text.isdigit() or len(text) > _LONGEST_WHOLE:
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
