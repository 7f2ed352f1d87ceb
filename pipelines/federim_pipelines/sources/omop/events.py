"""Turn rows of OMOP's event tables into the lake's, concept ids and source values taken over."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from federim_pipelines.codes.code import Code
from federim_pipelines.codes.shapes import coded
from federim_pipelines.codes.systems import OMOP
from federim_pipelines.codes.units import ucum
from federim_pipelines.extract.facts import Facts, TableRow
from federim_pipelines.extract.moments import Moment
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.omop.rows import Cells

Name = Callable[[int], Code | None]

# Python's own reading would take underscores, and other scripts' digits.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
# Concepts of vocabulary Meas Value Operator; = needs no sign.
_OPERATORS = {4171756: "<", 4171754: "<=", 4172704: ">", 4171755: ">="}
# Loaders put the stay's own identifier in visit_source_value, and now and then elsewhere.
_IDENTIFIER = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9a-f]{32,}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Event:
    """One row of an event table, and how its concepts are called."""

    cells: Cells
    name: Name

    def row(self, table: str, facts: Facts, key: str) -> TableRow:
        """The lake's row.

        Raises
        ------
        Unusable
            No code, or a number, date or unit that is none; the detail names the column.
        """
        name, made = _MAKERS[table](self, facts, key)
        noun = _NOUNS[table]
        return name, made | {f"{noun}_concept_id": self._concept(f"{noun}_concept_id")}

    def measurement(self, facts: Facts, key: str) -> TableRow:
        """A row of measurement."""
        unit = self.cells.get("unit_source_value")
        if unit is None or ucum(unit) is None:
            named = self.name(self._concept("unit_concept_id"))
            unit = unit if named is None else named.code
        return facts.measurement(
            key,
            self._code("measurement"),
            self._moment("measurement_date", "measurement_datetime"),
            number=self._number("value_as_number"),
            value=self._value(),
            operator=_OPERATORS.get(self._concept("operator_concept_id")),
            unit=unit,
            limits=(self._number("range_low"), self._number("range_high")),
        )

    def observation(self, facts: Facts, key: str) -> TableRow:
        """A row of observation; `value_as_string` is free text, which never enters the lake."""
        return facts.observation(
            key,
            self._code("observation"),
            self._moment("observation_date"),
            number=self._number("value_as_number"),
            value=self._value(),
        )

    def condition(self, facts: Facts, key: str) -> TableRow:
        """A row of condition_occurrence."""
        start, end = self._moment("condition_start_date"), self._moment("condition_end_date")
        return facts.condition(key, self._code("condition"), start, end)

    def procedure(self, facts: Facts, key: str) -> TableRow:
        """A row of procedure_occurrence."""
        return facts.procedure(key, self._code("procedure"), self._moment("procedure_date"))

    def drug(self, facts: Facts, key: str) -> TableRow:
        """A row of drug_exposure."""
        unit = self.cells.get("dose_unit_source_value")
        return facts.drug(
            key,
            self._code("drug"),
            self._moment("drug_exposure_start_date"),
            self._moment("drug_exposure_end_date"),
            quantity=self._number("quantity"),
            unit=None if unit is None or ucum(unit) is None else unit,
            route=self.name(self._concept("route_concept_id")),
        )

    def visit(self, facts: Facts, key: str) -> TableRow:
        """A row of visit_occurrence."""
        return facts.visit(
            key,
            self._code("visit"),
            self._moment("visit_start_date", "visit_start_datetime"),
            self._moment("visit_end_date", "visit_end_datetime"),
        )

    def _code(self, noun: str) -> Code:
        """What the source said, under the system its concept is of; else what the concepts are called."""
        told = self.cells.get(f"{noun}_source_value")
        source = self.name(self._concept(f"{noun}_source_concept_id"))
        if source is not None:
            return Code(told, source.system) if told and _alike(told, source.code) else source
        if told is not None and noun != "visit" and not _IDENTIFIER.fullmatch(told):
            code = coded(told, None)
            if code is not None:
                return code
        standard = self._concept(f"{noun}_concept_id")
        if standard == 0:
            raise Unusable(Reason.CODE_MISSING, f"columns {noun}_source_value, {noun}_concept_id")
        return self.name(standard) or Code(str(standard), OMOP)

    def _value(self) -> Code | None:
        concept = self._concept("value_as_concept_id")
        return None if concept == 0 else self.name(concept) or Code(str(concept), OMOP)

    def _concept(self, column: str) -> int:
        text = self.cells.get(column) or "0"
        if not (text.isascii() and text.isdigit()) or len(text) > len(str(2**31)):
            raise Unusable(Reason.VALUE_UNUSABLE, f"column {column}: not a concept id")
        return int(text)

    def _number(self, column: str) -> float | None:
        text = self.cells.get(column)
        if text is None:
            return None
        number = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(number):
            raise Unusable(Reason.VALUE_UNUSABLE, f"column {column}: not a number")
        return number

    def _moment(self, date: str, time: str = "") -> Moment:
        """The day, and the instant unless it is midnight: loaders write that where they know but the day."""
        day, instant = self._instant(date), self._instant(time)
        known = instant or day
        if known is None:
            return Moment()
        return Moment(known.date(), None if instant is None or instant.time() == dt.time() else instant)

    def _instant(self, column: str) -> dt.datetime | None:
        text = self.cells.get(column)
        if text is None:
            return None
        try:
            return dt.datetime.fromisoformat(text).replace(tzinfo=None)
        except ValueError:
            raise Unusable(Reason.DATE_UNUSABLE, f"column {column}") from None


_MAKERS: dict[str, Callable[[Event, Facts, str], TableRow]] = {
    "measurement": Event.measurement,
    "observation": Event.observation,
    "condition_occurrence": Event.condition,
    "procedure_occurrence": Event.procedure,
    "drug_exposure": Event.drug,
    "visit_occurrence": Event.visit,
}
_NOUNS = {table: table.removesuffix("_occurrence").removesuffix("_exposure") for table in _MAKERS}


def _alike(told: str, code: str) -> bool:
    """Whether a source wrote a concept's code, give or take a dot (C341 for C34.1)."""
    return told.replace(".", "").upper() == code.replace(".", "").upper()
