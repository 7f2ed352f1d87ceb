"""Read the HL7 v3 data types that CDA is written in: codes, time stamps, intervals and quantities."""

from __future__ import annotations

import math
import re
from functools import cache

from federim_pipelines.codes.code import Code
from federim_pipelines.codes.shapes import coded
from federim_pipelines.codes.systems import or_oid
from federim_pipelines.extract.facts import NOWHEN
from federim_pipelines.extract.moments import Moment, of_hl7
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.cda.parsing import V3, Element

# As XML writes them: Python would take underscores, other scripts' digits and words as well.
_NUMBER = re.compile(r"\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


def child(element: Element | None, *names: str) -> Element | None:
    """The first element at the end of a path of names; None where a step of it is missing."""
    return None if element is None else element.find(_path(names))


def children(element: Element, *names: str) -> list[Element]:
    """Every element at the end of a path of names."""
    found: list[Element] = element.findall(_path(names))
    return found


def data_type(value: Element) -> str:
    """The data type a value declares, without its namespace's prefix; "" if it declares none."""
    told: str = value.get(_XSI_TYPE, "")
    return told.rpartition(":")[2]


def templates(element: Element) -> set[str]:
    """The templates an element says it follows, by their OID."""
    return {template.get("root", "") for template in children(element, "templateId")}


def codes(concept: Element | None) -> list[Code]:
    """The code of a CD and those of its translations, in this order; names and texts are left.

    References
    ----------
    HL7 v3 data types R1, 2.6, Concept Descriptor.
    """
    if concept is None:
        return []
    return [
        code
        for told in (concept, *children(concept, "translation"))
        if (code := coded(told.get("code", ""), or_oid(told.get("codeSystem", ""))))
    ]


def start_of(time: Element | None) -> Moment | None:
    """When a TS or IVL_TS is or begins: its value, low or centre; None where it does not say.

    Raises
    ------
    Unusable
        What it says is no time stamp.
    """
    return _first(time, "low", "center")


def end_of(time: Element | None) -> Moment | None:
    """When an IVL_TS ends; None where it does not say. Raises as `start_of`."""
    return None if time is None else _told(child(time, "high"))


def instant_of(time: Element | None) -> Moment | None:
    """When something was done: the start, else the end, which is all a specimen's taking has."""
    return start_of(time) or end_of(time)


def number_of(element: Element, where: str) -> float | None:
    """The `value` of a PQ, INT or REAL; None where it has none.

    Raises
    ------
    Unusable
        It is no finite number.
    """
    told = element.get("value")
    if told is None:
        return None
    number = float(told) if _NUMBER.fullmatch(told) else math.nan
    if not math.isfinite(number):
        raise Unusable(Reason.VALUE_UNUSABLE, where)
    return number


def known(moment: Moment | None) -> Moment:
    """The moment, or one that says nothing."""
    return NOWHEN if moment is None else moment


@cache
def _path(names: tuple[str, ...]) -> str:
    return "/".join(V3 + name for name in names)


def _first(time: Element | None, *bounds: str) -> Moment | None:
    if time is None:
        return None
    for told in (time, *(child(time, bound) for bound in bounds)):
        if (moment := _told(told)) is not None:
            return moment
    return None


def _told(point: Element | None) -> Moment | None:
    text = None if point is None else point.get("value")
    return None if text is None else of_hl7(text, "effectiveTime")
