"""Put a definition into the words of a language, so that two different ones never read alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from federim.lake.prose.words import Words
from federim.lake.vocabulary import COLUMNS
from federim.model.cohort import (
    NO_UNIT,
    AllOf,
    AnyOf,
    Code,
    CohortDefinition,
    Comparison,
    Condition,
    Criterion,
    Event,
    FeatureCriterion,
    MeasurementCriterion,
    Not,
    PersonCriterion,
    SegmentCriterion,
    SeriesCriterion,
    Which,
    Window,
    events,
)

_PLAIN_UNIT: Final = re.compile(r"[A-Za-z0-9%/.*'^\[\](){}_+-]+")
_WITHOUT_UNIT: Final = {"year_of_birth"}  # a calendar year is no length of time


class Speech:
    """Says definitions, and the criteria they are made of."""

    def __init__(self, words: Words) -> None:
        self.words = words

    def definition(self, definition: CohortDefinition) -> str:
        """Lines for a committee: title, name, day 0, the criteria as a tree, and the rules they rest on."""
        words, found = self.words, events(definition.criterion)
        lines = [self._one_line(definition.title)] if definition.title else []
        lines.append(words.cohort.format(name=self._quoted(definition.name)))
        if definition.index:
            lines.append(words.index[definition.index])
        lines += [words.included, *self._tree(definition.criterion, "")]
        if any(leaf.within and leaf.within.of for leaf in found):
            lines.append(words.about_markers)
        if any(leaf.which is not Which.ANY for leaf in found):
            lines.append(words.about_choice)
        return "\n".join(lines)

    def rule(self, criterion: Criterion) -> str:
        """A criterion as a step of a flow chart; a line each, where it is a combination."""
        if isinstance(criterion, Not) and isinstance(criterion.criterion, PersonCriterion | Event):
            return self.words.excluded.format(rule=self.sentence(criterion.criterion))
        return "\n".join(self._tree(criterion, "")).removeprefix("- ")

    def sentence(self, leaf: Criterion) -> str:
        """One criterion that is no combination, on one line whatever it names."""
        words = self.words
        if isinstance(leaf, PersonCriterion):
            return (
                words.person + self._conditions(leaf, leaf.conditions)
                if leaf.conditions
                else words.any_person
            )
        if not isinstance(leaf, Event):
            raise TypeError(f"{type(leaf).__name__} has no sentence")
        said = words.events[type(leaf)][leaf.which]
        if leaf.which is Which.CLOSEST:
            of = leaf.within.of if leaf.within else ""
            said = said.format(
                anchor=words.closest_to.format(name=self._quoted(of)) if of else words.closest_to_zero
            )
        parts = [said]
        if not isinstance(leaf, SeriesCriterion | SegmentCriterion):
            parts.append(f" {self._code(leaf.code)}")
        if isinstance(leaf, SeriesCriterion | SegmentCriterion | FeatureCriterion):
            parts.append(self._conditions(leaf, leaf.conditions))
        if isinstance(leaf, MeasurementCriterion | FeatureCriterion):
            parts.append(self._measured(leaf))
        if leaf.called:
            parts.append(f" {words.named.format(name=self._quoted(leaf.called))}")
        parts.append(self._window(leaf.within))
        return "".join(parts)

    def _tree(self, criterion: Criterion, indent: str) -> list[str]:
        words = self.words
        parts: tuple[Criterion, ...] = ()
        if isinstance(criterion, AllOf):
            head, parts = words.all_of, criterion.criteria
        elif isinstance(criterion, AnyOf):
            head, parts = words.any_of, criterion.criteria
        elif isinstance(criterion, Not) and isinstance(criterion.criterion, AnyOf):
            head, parts = words.none_of, criterion.criterion.criteria
        elif isinstance(criterion, Not):
            head, parts = words.negated, (criterion.criterion,)
        else:
            head = self.sentence(criterion)
        return [f"{indent}- {head}", *(line for part in parts for line in self._tree(part, f"{indent}  "))]

    def _conditions(self, leaf: Criterion, conditions: Sequence[Condition]) -> str:
        if not conditions:
            return ""
        said = (
            self.words.condition.format(
                column=self.words.columns.get(condition.column) or self._quoted(condition.column),
                wanted=self._compared(
                    condition.comparison, self._unit_of(leaf, condition.column), condition.column
                ),
            )
            for condition in conditions
        )
        return f" ({self.words.between_conditions.join(said)})"

    def _unit_of(self, leaf: Criterion, column: str) -> str:
        declared = COLUMNS[type(leaf)].get(column)
        if declared is None or column in _WITHOUT_UNIT:
            return ""
        return self.words.units.get(declared.unit, declared.unit)

    def _measured(self, leaf: MeasurementCriterion | FeatureCriterion) -> str:
        words = self.words
        unit = words.without_unit if leaf.unit == NO_UNIT else self._unit(leaf.unit)
        if leaf.value:
            value = words.both.join(self._compared(comparison, unit) for comparison in leaf.value)
            return f", {words.value.format(value=value)}"
        if leaf.unit == NO_UNIT:
            return f", {unit}"
        return f", {words.unit.format(unit=unit)}" if leaf.unit else ""

    def _unit(self, unit: str) -> str:
        return unit if not unit or _PLAIN_UNIT.fullmatch(unit) else self._quoted(unit)

    def _compared(self, comparison: Comparison, unit: str, column: str = "") -> str:
        values = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
        said = self.words.either.join(self._value(value, column) for value in values)
        said = self.words.comparisons[comparison.op].format(value=said)
        return f"{said}\N{NO-BREAK SPACE}{unit}" if unit else said

    def _value(self, value: Any, column: str) -> str:
        if isinstance(value, str):
            return self._quoted(value)
        if isinstance(value, bool):
            return self.words.yes if value else self.words.no
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, int):
            return self.words.values.get((column, value), str(value))
        return repr(value).replace(".", self.words.decimal)

    def _code(self, code: Code) -> str:
        words = self.words
        codes = words.either.join(map(self._quoted, code.values))
        said = (words.code_begins if code.starts_with else words.code).format(codes=codes)
        if not code.system:
            return said
        system = words.systems.get(code.system) or self._quoted(code.system)
        return f"{said} {words.system.format(system=system)}"

    def _window(self, within: Window | None) -> str:
        if within is None:
            return ""
        words, said = self.words, []
        if within.before is not None:
            said.append(words.from_day.format(day=self._day(-within.before, within.of)))
        if within.after is not None:
            said.append(words.to_day.format(day=self._day(within.after, within.of)))
        if not said:
            said.append(words.any_day.format(anchor=self._anchor(within.of)))
        return f", {words.both.join(said)}"

    def _day(self, after: int, of: str) -> str:
        words = self.words
        if after == 0:
            return words.day_of.format(name=self._quoted(of)) if of else words.day_zero
        if abs(after) == 1:
            return (words.one_after if after > 0 else words.one_before).format(anchor=self._anchor(of))
        way = words.after if after > 0 else words.before
        return way.format(count=abs(after), anchor=self._anchor(of))

    def _anchor(self, of: str) -> str:
        return self.words.around.format(name=self._quoted(of)) if of else self.words.day_zero

    def _quoted(self, text: str) -> str:
        opened, closed = self.words.quotes
        marks = f"{opened}{closed}\\".replace("\N{NO-BREAK SPACE}", "")
        return opened + "".join(f"\\{each}" if each in marks else _shown(each) for each in text) + closed

    def _one_line(self, text: str) -> str:
        return "".join(map(_shown, text))


def _shown(character: str) -> str:
    """A character, or its number where it would break the line or not be seen."""
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"
