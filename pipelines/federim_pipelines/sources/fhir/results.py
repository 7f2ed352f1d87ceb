"""Turn Observations into rows of measurement (results, vital signs) and observation (the rest)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from federim_pipelines.codes.code import Code
from federim_pipelines.codes.units import usable
from federim_pipelines.extract import moments
from federim_pipelines.extract.facts import Facts, TableRow, part_key
from federim_pipelines.extract.moments import Moment
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.fhir.codings import MEASURED, has_code, preferred
from federim_pipelines.sources.fhir.content import Resource
from federim_pipelines.sources.fhir.links import Links

_MEASURING = frozenset({"laboratory", "vital-signs", "imaging", "procedure", "exam"})

# `value[x]` of R4; a name of the file's own that begins so is not repeated.
_VALUES = frozenset(
    {"valueCodeableConcept", "valueString", "valueRange", "valueRatio", "valueSampledData", "valueTime"}
    | {"valueDateTime", "valuePeriod", "valueBoolean", "valueInteger", "valueQuantity"}
)

Value = tuple[float | None, Code | None]


def observation(resource: Resource, facts: Facts, key: str, links: Links) -> Iterator[TableRow | Unusable]:
    """The rows of an Observation: one for its value, one for each component (a blood pressure has two).

    None if it says that its value is absent, or only groups other observations. A component that cannot be
    used is given as the refusal it deserves, beside the rows of the others.

    Raises
    ------
    Unusable
        No code, a date that cannot be read, a unit that is none, or a value that is neither a number nor a
        code: free text never enters the lake, since it may name a person.

    References
    ----------
    HL7 FHIR R4, Observation; OMOP CDM 5.4, MEASUREMENT and OBSERVATION.
    """
    at = moments.of_fhir(resource, "effectiveDateTime", "effectiveInstant", "effectivePeriod", "issued")
    # A qualitative result is still a result; a smoking status is not one.
    measuring = any(has_code(concept, _MEASURING) for concept in resource.get("category", ()))
    specimen = links.specimen(resource) if "specimen" in resource else None
    parts = [(resource, "Observation", key)]
    for place, component in enumerate(resource.get("component", ()), start=1):
        parts.append((component, "Observation.component", part_key(bytes.fromhex(key), "component", place)))
    for part, path, identifier in parts:
        try:
            value = _value(part, path)
            if value is None:
                continue
            code = preferred(part.get("code"), MEASURED)
            if code is None:
                raise Unusable(Reason.CODE_MISSING, f"{path}.code")
            if measuring or "valueQuantity" in part:
                yield _measurement(part, path, facts, identifier, code, at, value, specimen)
            else:
                yield facts.observation(identifier, code, at, number=value[0], value=value[1])
        except Unusable as refused:
            if part is resource:
                raise
            yield refused


def _measurement(
    part: Resource,
    path: str,
    facts: Facts,
    key: str,
    code: Code,
    at: Moment,
    value: Value,
    specimen: Code | None,
) -> TableRow:
    quantity = part.get("valueQuantity", {})
    return facts.measurement(
        key,
        code,
        at,
        number=value[0],
        value=value[1],
        operator=quantity.get("comparator"),
        unit=unit_of(quantity, f"{path}.valueQuantity"),
        limits=_limits(part, quantity, path),
        specimen=specimen,
    )


def unit_of(quantity: Resource, path: str) -> str | None:
    """The unit of a Quantity: its UCUM code, else what it gives for people.

    Raises
    ------
    Unusable
        It has not the shape of a unit.
    """
    told: str | None = quantity.get("code") or quantity.get("unit")
    if told is not None and not usable(told):
        raise Unusable(Reason.VALUE_UNUSABLE, f"{path}.unit")
    return told


def number_of(told: Any, path: str) -> float:
    """A decimal or integer.

    Raises
    ------
    Unusable
        It is neither.
    """
    if not isinstance(told, bool) and isinstance(told, int | float):
        with suppress(OverflowError):
            if math.isfinite(number := float(told)):
                return number
    raise Unusable(Reason.VALUE_UNUSABLE, path)


def _limits(part: Resource, quantity: Resource, path: str) -> tuple[float | None, float | None]:
    """The first reference range, each limit as far as it is in the unit of the value."""
    told: Resource = next(iter(part.get("referenceRange", ())), {})
    low, high = (
        None
        if limit is None or "value" not in limit or _other_unit(limit, quantity)
        else number_of(limit["value"], f"{path}.referenceRange")
        for limit in (told.get("low"), told.get("high"))
    )
    return low, high


def _other_unit(limit: Resource, quantity: Resource) -> bool:
    for element in ("code", "unit"):
        if element in limit and element in quantity:
            return bool(limit[element] != quantity[element])
    return False


def _value(part: Resource, path: str) -> Value | None:
    """Number or code of an Observation or a component; None if it has no value."""
    told = next((name for name in part if name.startswith("value")), None)
    if told is None:
        return None
    value = part[told]
    if told == "valueQuantity":
        return (number_of(value["value"], f"{path}.{told}"), None) if "value" in value else None
    if told == "valueInteger":
        return number_of(value, f"{path}.{told}"), None
    if told == "valueBoolean" and isinstance(value, bool):
        return None, Code(str(value).lower(), None)
    code = preferred(value, MEASURED) if told == "valueCodeableConcept" else None
    if code is None:
        raise Unusable(Reason.VALUE_UNUSABLE, f"{path}.{told if told in _VALUES else 'value[x]'}")
    return None, code
