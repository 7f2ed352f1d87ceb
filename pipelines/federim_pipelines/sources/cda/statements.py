"""Walk the clinical statements of a document's body, each with what surrounds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

from lxml import etree

from federim_pipelines.extract.facts import NOWHEN
from federim_pipelines.extract.moments import Moment
from federim_pipelines.sources.cda.confidentiality import hiding_flag
from federim_pipelines.sources.cda.datatypes import child, children, instant_of
from federim_pipelines.sources.cda.parsing import V3, Element

OBSERVATION: Final = "observation"
PROCEDURE: Final = "procedure"
SUBSTANCE: Final = "substanceAdministration"
ACT: Final = "act"
ORGANIZER: Final = "organizer"
# The others say nothing that the lake has a table for.
KINDS: Final = (
    *(OBSERVATION, PROCEDURE, SUBSTANCE, ACT, ORGANIZER),
    *("encounter", "supply", "observationMedia", "regionOfInterest"),
)

_TAGS = frozenset(V3 + kind for kind in KINDS)
_NOT_DONE = frozenset({"cancelled", "nullified", "aborted", "held", "suspended"})


class Skipped(Exception):
    """The statement makes no row; `kind`, a word of a fixed vocabulary, says what it is counted as."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Statement:
    """One clinical statement."""

    element: Element
    place: int  # among the document's statements, from 1
    sections: tuple[Element, ...]  # from the outermost to its own
    above: tuple[Element, ...] = ()  # the statements it is part of, from the outermost
    excluded: str = ""  # why it tells nothing done to or found on the patient

    @property
    def kind(self) -> str:
        """The name of its class, one of `KINDS`."""
        name: str = etree.QName(self.element).localname
        return name

    def time(self) -> Element | None:
        """Its own effectiveTime; of a drug's several the first that has a bound."""
        return _time_of(self.element)

    def moment(self, otherwise: Moment = NOWHEN) -> Moment:
        """When it was true: by its own time, else that of what it is part of, else `otherwise`.

        Raises
        ------
        Unusable
            That time cannot be read.
        """
        for element in (self.element, *reversed(self.above)):
            moment = instant_of(_time_of(element))
            if moment is not None:
                return moment
        return otherwise


def statements(document: Element) -> Iterator[Statement]:
    """Every statement of a structured body, each before its parts; none where the body is not XML.

    References
    ----------
    HL7 CDA R2, 4.3.5 and 4.3.6, sections and clinical statements.
    """
    body = child(document, "component", "structuredBody")
    if body is None:
        return
    places = count(1)
    for section in children(body, "component", "section"):
        yield from _in_section(section, (), "", places)


def _in_section(
    section: Element, around: tuple[Element, ...], excluded: str, places: Iterator[int]
) -> Iterator[Statement]:
    sections = (*around, section)
    if hiding_flag(section):
        excluded = "confidential section"
    excluded = excluded or _about_another(section)
    for entry in children(section, "entry"):
        yield from _linked(entry, sections, (), excluded, places)
    for inner in children(section, "component", "section"):
        yield from _in_section(inner, sections, excluded, places)


def _linked(
    link: Element,
    sections: tuple[Element, ...],
    above: tuple[Element, ...],
    excluded: str,
    places: Iterator[int],
) -> Iterator[Statement]:
    """The statement at the end of an entry, entryRelationship or component, and its parts."""
    for element in link:
        if element.tag not in _TAGS:
            continue
        why = excluded or _why_excluded(element, link, above)
        yield Statement(element, next(places), sections, above, why)
        inside = (*above, element)
        for inner in (*children(element, "entryRelationship"), *children(element, "component")):
            yield from _linked(inner, sections, inside, why, places)


def _time_of(element: Element) -> Element | None:
    told = children(element, "effectiveTime")
    if len(told) == 1:
        return told[0]
    return next((time for time in told if instant_of(time) is not None), None)


def _why_excluded(element: Element, link: Element, above: tuple[Element, ...]) -> str:
    if element.get("moodCode", "EVN") != "EVN":
        return "planned"
    if "true" in (element.get("negationInd"), link.get("negationInd")):
        return "negated"
    status = child(element, "statusCode")
    if status is not None and status.get("code") in _NOT_DONE:
        return "not done"
    if link.get("typeCode") == "REFR" and above and _same_code(element, above[-1]):
        # Results of the past, which the report that first told them tells: twice, they would count double.
        return "earlier result"
    return _about_another(element)


def _about_another(element: Element) -> str:
    return "" if child(element, "subject", "relatedSubject") is None else "relative"


def _same_code(one: Element, other: Element) -> bool:
    told, before = child(one, "code"), child(other, "code")
    if told is None or before is None or told.get("code") is None:
        return False
    return bool(told.get("code") == before.get("code") and told.get("codeSystem") == before.get("codeSystem"))
