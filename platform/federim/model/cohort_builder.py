"""Write a whole cohort in Python, a line a rule: `build("chest-ct").require(series(Modality="CT"))…`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from federim.model.cohort import AllOf, AnyOf, CohortDefinition, Criterion, Index, Not
from federim.model.errors import InputError


@dataclass(frozen=True, slots=True)
class CohortBuilder:
    """Rules added so far; each method gives a new builder, so one beginning serves several cohorts."""

    name: str
    rules: tuple[Criterion, ...] = ()
    start: Index | None = None
    text: str = ""

    def titled(self, title: str) -> CohortBuilder:
        """What the cohort is, for people."""
        return replace(self, text=title)

    def indexed_by(self, index: Index | str) -> CohortBuilder:
        """The event that is day 0: `"first series"`, `"first condition"` …"""
        if index not in list(Index):
            raise InputError(f"index: expected {' or '.join(repr(one.value) for one in Index)}")
        return replace(self, start=Index(index))

    def require(self, *criteria: Criterion) -> CohortBuilder:
        """Persons for whom every one holds."""
        return self._with(*criteria)

    def require_any(self, *criteria: Criterion) -> CohortBuilder:
        """Persons for whom at least one holds."""
        return self._with(AnyOf(criteria)) if criteria else self

    def exclude(self, *criteria: Criterion) -> CohortBuilder:
        """Leave out the persons for whom one of them holds: a group of exclusions, `none` in TOML."""
        return self._with(Not(AnyOf(criteria))) if criteria else self

    def definition(self) -> CohortDefinition:
        """The cohort; errors are those of `CohortDefinition`."""
        return CohortDefinition(
            name=self.name, criterion=AllOf(self.rules), index=self.start, title=self.text
        )

    def _with(self, *criteria: Criterion) -> CohortBuilder:
        return replace(self, rules=(*self.rules, *criteria))


def build(name: str) -> CohortBuilder:
    """Begin a cohort called `name`; `definition()` ends it."""
    return CohortBuilder(name)
