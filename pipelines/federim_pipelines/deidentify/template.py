"""What the headers of a series have in common, so that only the rest of each is looked at.

Slices of one series differ in a dozen elements of a hundred or more. The bytes between those are compared
as a whole, which costs what comparing memory costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from federim_pipelines.deidentify.header import Unknown, element_end


@dataclass(frozen=True, slots=True)
class Template:
    """A header of which some elements are always the same bytes.

    `entries` are in the header's order: a run of bytes, or the tag of an element that varies.
    """

    entries: tuple[bytes | int, ...] = field(repr=False)
    constant: Mapping[int, bytes] = field(repr=False)
    varying: frozenset[int]
    explicit: bool

    @classmethod
    def of(cls, elements: Mapping[int, bytes], varying: frozenset[int], *, explicit: bool) -> Self:
        """The template of a header, given which of its elements vary."""
        entries: list[bytes | int] = []
        run = b""
        for tag, raw in elements.items():
            if tag not in varying:
                run += raw
                continue
            if run:
                entries.append(run)
                run = b""
            entries.append(tag)
        if run:
            entries.append(run)
        constant = {tag: raw for tag, raw in elements.items() if tag not in varying}
        return cls(tuple(entries), constant, varying, explicit)

    def widened(self, elements: Mapping[int, bytes]) -> Self | None:
        """The template that fits this header too; None if it does not have the same elements."""
        if elements.keys() != self.constant.keys() | self.varying:
            return None
        differing = {tag for tag, raw in self.constant.items() if elements[tag] != raw}
        return self.of(elements, self.varying | differing, explicit=self.explicit)

    def read(self, head: bytes, at: int) -> tuple[dict[int, bytes], int] | None:
        """The varying elements of a header that begins at `at`, and its end; None if it does not fit."""
        found: dict[int, bytes] = {}
        try:
            for entry in self.entries:
                if isinstance(entry, bytes):
                    if not head.startswith(entry, at):
                        return None
                    at += len(entry)
                else:
                    tag, stop = element_end(head, at, explicit=self.explicit)
                    if tag != entry:
                        return None
                    found[tag] = head[at:stop]
                    at = stop
        except Unknown:
            return None
        return found, at
