"""Hold what the statements of one document have in common while their rows are made."""

from __future__ import annotations

from dataclasses import dataclass

from federim_pipelines.extract.facts import Facts, part_key
from federim_pipelines.extract.moments import Moment
from federim_pipelines.sources.cda.statements import Statement
from federim_pipelines.sources.cda.studies import Studies


@dataclass(frozen=True, slots=True)
class Report:
    """One document, told of one person."""

    key: bytes  # of its record, 16 bytes
    facts: Facts
    otherwise: Moment  # when a statement was true, if neither it nor what it is part of says
    studies: Studies

    def name(self, noun: str, statement: Statement, *parts: int) -> str:
        """What names a row that a statement makes, or one of several, 32 hexadecimal digits."""
        return part_key(self.key, noun, ".".join(map(str, (statement.place, *parts))))

    def moment(self, statement: Statement) -> Moment:
        """When a statement was true. Raises `Unusable` where that cannot be read."""
        return statement.moment(self.otherwise)
