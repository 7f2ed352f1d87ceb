"""Rewrite the headers of one patient, and of one series faster still: what repeats is rewritten once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from federim_pipelines.deidentify.person import Person
from federim_pipelines.deidentify.template import Template
from federim_pipelines.deidentify.tokens import Tokens
from federim_pipelines.deidentify.values import is_plain
from federim_pipelines.deidentify.walk import creator_of, is_creator

Retained = Counter[tuple[int, str]]
_Key = bytes | tuple[str, bytes]

# Values that repeat from slice to slice are short, and few thousands a patient.
_LONGEST_KEPT: Final = 4096
_MOST_KEPT: Final = 20_000
_PRIVATE: Final = 0x10000  # the bit that makes a group odd


@dataclass(slots=True)
class Known:
    """A patient, and what each of their elements became: equal bytes become equal bytes."""

    tokens: Tokens
    person: Person
    _became: dict[_Key, bytes] = field(default_factory=dict)
    _texts: dict[_Key, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    _text_tags: set[int] = field(default_factory=set)
    _numbers: dict[bytes, str] = field(default_factory=dict)  # VR of numbers and times, by the tag's bytes

    def rewrite(
        self, elements: Mapping[int, bytes], creators: Mapping[int, str]
    ) -> tuple[dict[int, bytes], Retained]:
        """Clean elements by tag, removed ones absent; and the texts that were let through."""
        became, element, kept_texts = self._became, self.tokens.element, self.person.rules.kept
        if len(became) > _MOST_KEPT:
            became.clear()
            self._texts.clear()
        numbers, tag_and_vr = self._numbers, 6 if self.tokens.explicit else 4
        clean: dict[int, bytes] = {}
        retained: Retained = Counter()
        for tag, raw in elements.items():
            creator = creators.get(creator_of(tag)) if tag & _PRIVATE else None
            key = raw if creator is None else (creator, raw)
            kept = became.get(key)
            if kept is None:
                start = raw[:tag_and_vr]
                plain = numbers.get(start)
                if plain is None:
                    plain = numbers[start] = self.tokens.plain_of(tag, raw)
                if plain and is_plain(plain, raw[8:]):
                    clean[tag] = raw
                    continue
                kept_texts.clear()
                kept = element(tag, raw, creator)
                retained.update(kept_texts)
                if len(raw) <= _LONGEST_KEPT:
                    became[key] = kept
                    if kept_texts:
                        self._texts[key] = tuple(kept_texts)
                        self._text_tags.add(tag)
            elif tag in self._text_tags:
                retained.update(self._texts.get(key, ()))
            if kept:
                clean[tag] = kept
        return clean, retained


@dataclass(frozen=True, slots=True)
class Shape:
    """What the headers of a series have in common, rewritten: bytes to put between what varies.

    `marks` is whatever else must be the same for a header to have this shape.
    """

    template: Template
    known: Known
    marks: object
    creators: Mapping[int, str]
    clean: Mapping[int, bytes]
    between: tuple[tuple[bytes, int], ...]  # bytes, and the varying element that follows them
    last: bytes
    private: frozenset[int]  # varying private elements that are kept
    retained: Retained

    @classmethod
    def of(
        cls,
        template: Template,
        known: Known,
        marks: object,
        creators: Mapping[int, str],
        clean: Mapping[int, bytes],
        stamped: Iterable[int],
    ) -> Self | None:
        """The shape of a header that became `clean`; `stamped` are elements written without regard to it.

        None where the maker of a private block varies.
        """
        varying = template.varying.difference(stamped)
        if any(tag & _PRIVATE and is_creator(tag) for tag in varying):
            return None
        constant = {tag: raw for tag, raw in clean.items() if tag not in varying}
        between, run = [], b""
        for tag in sorted(varying.union(constant)):
            if tag in varying:
                between.append((run, tag))
                run = b""
            else:
                run += constant[tag]
        _, retained = known.rewrite(template.constant, creators)
        private = frozenset(tag for tag in varying if tag & _PRIVATE and tag in clean)
        return cls(template, known, marks, creators, constant, tuple(between), run, private, retained)

    def rewrite(self, varying: Mapping[int, bytes]) -> tuple[dict[int, bytes], bytes, Retained] | None:
        """All clean elements of a header, their bytes, and the texts let through; None if it is unlike."""
        clean, retained = self.known.rewrite(varying, self.creators)
        if self.private != {tag for tag in clean if tag & _PRIVATE}:
            return None
        pieces = []
        for run, tag in self.between:
            pieces.append(run)
            pieces.append(clean.get(tag, b""))
        pieces.append(self.last)
        if retained:
            retained.update(self.retained)
        return {**clean, **self.clean}, b"".join(pieces), retained or self.retained
