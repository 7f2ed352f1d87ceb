"""Turn FHIR observations into rows of measurement (results, vital signs) and observation (the rest)."""

from __future__ import annotations

import math
from typing import Any

from federim.keys import keyed
from federim.model.identifiers import Subject
from federim_pipelines.codes.code import Code, is_unit
from federim_pipelines.extract import codes, moments
from federim_pipelines.extract.clinical import Rows
from federim_pipelines.extract.moments import Moment
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason, Row

_WITHDRAWN = frozenset({"entered-in-error", "cancelled", "registered"})
_MEASURING = frozenset({"laboratory", "vital-signs", "imaging", "procedure", "exam"})


def observation(resource: dict[str, Any], subject: Subject, key: str) -> Rows:
    """The rows of an Observation: one for its value, one for each component (a blood pressure has two).

    None if it was withdrawn, says that its value is absent, or only groups other observations.

    Raises
    ------
    Unusable
        No code, a date that cannot be read, a unit that is none, or a value that is neither a number nor a
        code: free text never enters the lake, since it may name a person.

    References
    ----------
    HL7 FHIR R4, Observation; OMOP CDM 5.4, MEASUREMENT and OBSERVATION.
    """
    if resource.get("status") in _WITHDRAWN:
        return []
    measured = moments.of_fhir(
        resource, "effectiveDateTime", "effectiveInstant", "effectivePeriod", "issued"
    ).shifted(subject.date_shift_days)
    # A qualitative result is still a result; a smoking status is not one.
    category = any(codes.has_code(concept, _MEASURING) for concept in resource.get("category", ()))
    rows: Rows = []
    for place, part in enumerate([resource, *resource.get("component", ())]):
        value = _value(part)
        if value is None:
            continue
        code = codes.preferred(part.get("code"), codes.MEASURED)
        if code is None:
            raise Unusable(
                Reason.CODE_MISSING, "Observation.code" if place == 0 else "Observation.component.code"
            )
        identifier = (
            key if place == 0 else keyed(bytes.fromhex(key), "component", str(place)).hex()[: len(key)]
        )
        if category or "valueQuantity" in part:
            rows.append(("measurement", _measurement(part, subject, identifier, code, measured, value)))
        else:
            rows.append(("observation", _fact(subject, identifier, code, measured, value)))
    return rows


def _measurement(part: dict[str, Any], subject: Subject, key: str, code: Code, at: Moment, value: Row) -> Row:
    quantity = part.get("valueQuantity", {})
    limits: Row = next(iter(part.get("referenceRange", ())), {})
    return {
        "person_id": subject.person_id,
        "measurement_id": key,
        **codes.columns("measurement", code),
        "measurement_date": at.date,
        "measurement_datetime": at.datetime,
        **value,
        "operator": quantity.get("comparator"),
        "unit_source_value": _unit(quantity),
        "range_low": limits.get("low", {}).get("value"),
        "range_high": limits.get("high", {}).get("value"),
    }


def _unit(quantity: dict[str, Any]) -> str | None:
    # The UCUM code is what machines compare; `unit` is for people, and each laboratory's own.
    told: str | None = quantity.get("code") or quantity.get("unit")
    if told is not None and not is_unit(told):
        raise Unusable(Reason.VALUE_UNUSABLE, "Observation.valueQuantity.unit")
    return told


def _fact(subject: Subject, key: str, code: Code, at: Moment, value: Row) -> Row:
    return {
        "person_id": subject.person_id,
        "observation_id": key,
        **codes.columns("observation", code),
        "observation_date": at.date,
        **value,
    }


def _value(part: dict[str, Any]) -> Row | None:
    """`value_as_number` and `value_source_code` of an Observation or a component; None if it has no value."""
    told = next((name for name in part if name.startswith("value")), None)
    if told is None:
        return None
    value = part[told]
    if told == "valueQuantity" and "value" not in value:
        return None
    if told in ("valueQuantity", "valueInteger"):
        number = value["value"] if told == "valueQuantity" else value
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise Unusable(Reason.VALUE_UNUSABLE, f"Observation.{told}")
        return {"value_as_number": float(number), "value_source_code": None}
    if told == "valueBoolean" and isinstance(value, bool):
        return {"value_as_number": None, "value_source_code": str(value).lower()}
    code = codes.preferred(value, codes.MEASURED) if told == "valueCodeableConcept" else None
    if code is None:
        # `told` comes from the file, so only the names FHIR gives are repeated.
        raise Unusable(Reason.VALUE_UNUSABLE, f"Observation.{told if told in _VALUES else 'value[x]'}")
    return {"value_as_number": None, "value_source_code": code.code}


_VALUES = frozenset(
    {"valueCodeableConcept", "valueString", "valueRange", "valueRatio", "valueSampledData", "valueTime"}
    | {"valueDateTime", "valuePeriod", "valueBoolean"}
)
