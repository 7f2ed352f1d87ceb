"""What an erasure is made of: steps with a name, each of which may be killed and carried out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from federim.home import Home
from federim.identity.rights import Erasure

Outcome = Mapping[str, Any]


class Step(Protocol):
    """A part of an erasure. Carried out again after a kill, it completes what it had begun.

    Nobody else writes to the lake, nor reads input, meanwhile.
    """

    @property
    def name(self) -> str:
        """One word, by which the journal knows it."""

    def __call__(self, home: Home, erasure: Erasure) -> Outcome:
        """Do it; returns counts for the record, and under names that begin with "_" what later steps need."""


@runtime_checkable
class ProjectStep(Step, Protocol):
    """A step of places outside the lake that is taken, too, where a person objects to one project."""

    of_projects: bool


def counts(outcome: Outcome) -> dict[str, Any]:
    """What of an outcome is for the record."""
    return {name: told for name, told in outcome.items() if not name.startswith("_")}
