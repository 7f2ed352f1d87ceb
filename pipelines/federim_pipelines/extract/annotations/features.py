"""Rows of a structured report: each value measured on an image, and what it was measured of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from pydicom import Dataset

from federim_pipelines.codes.code import Code
from federim_pipelines.extract.annotations.annotated import Annotated, Place, TableRow
from federim_pipelines.extract.annotations.coded import code_of, number
from federim_pipelines.extract.annotations.content import CONTEXT, Item, Told, items, places

_MEASUREMENT_GROUP: Final = ("DCM", "125007")
_EVALUATIONS: Final = ("UMLS", "C0034375")  # Qualitative Evaluations (TID 1500)
_CATEGORY: Final = ("SCT", "276214006")  # of a finding, which says it better
_MODIFIERS: Final = frozenset({"HAS CONCEPT MOD", "HAS OBS CONTEXT", "HAS ACQ CONTEXT"})


def rows(annotated: Annotated, *, wanted: Callable[[Item], bool] | None = None) -> Iterator[TableRow]:
    """A row a number, whatever the report's template; and one a code that evaluates a group's finding.

    Parameters
    ----------
    wanted : callable, optional
        Tells which items are; all where it is not given.

    References
    ----------
    DICOM PS3.16, TID 1500 and what it includes (TID 300, 1410, 1411, 1419, 1501).
    """
    evidence = places(annotated.header)
    for item in items(annotated.header):
        code = item.code
        if code is None or (wanted is not None and not wanted(item)):
            continue
        if item.value_type == "NUM":
            value, unit, qualifier = _measured(item.dataset)
            yield _row(annotated, evidence, item, code, number=value, unit=unit, value=qualifier)
        elif _evaluates(item) and (said := code_of(item.dataset.get("ConceptCodeSequence"))) is not None:
            yield _row(annotated, evidence, item, code, value=said)


def _row(
    annotated: Annotated,
    evidence: Mapping[str, Place],
    item: Item,
    code: Code,
    *,
    number: float | None = None,
    unit: Code | None = None,
    value: Code | None = None,
) -> TableRow:
    told = item.told
    place = _place(evidence, told)
    return annotated.feature(
        item.position,
        code,
        place,
        number=number,
        unit=unit,
        value=value,
        finding=told.container,
        derivation_source_value=told.code("derivation"),
        finding_source_value=told.code("finding"),
        finding_site_source_value=told.code("site"),
        laterality_source_value=told.code("laterality"),
        TrackingIdentifier=told.tracking_identifier,
        TrackingUID=told.tracking_uid,
    )


def _place(evidence: Mapping[str, Place], told: Told) -> Place:
    """The image it was measured on, if it is one; of several the series, if they are of one."""
    places = [evidence.get(image, Place(image=image)) for image in dict.fromkeys(told.images)]
    if len(places) == 1 and told.series is None:
        return places[0]
    studies = {place.study for place in places}
    series = {place.series for place in places}
    return Place(
        study=studies.pop() if len(studies) == 1 else None,
        series=told.series or (series.pop() if len(series) == 1 else None),
        image=places[0].image if len(places) == 1 else None,
    )


def _measured(item: Dataset) -> tuple[float | None, Code | None, Code | None]:
    """The number of a NUM item and its unit; or the code that says why there is none."""
    qualifier = code_of(item.get("NumericValueQualifierCodeSequence"))
    for measured in item.get("MeasuredValueSequence") or ():
        value = number(measured, "FloatingPointValue")
        value = number(measured, "NumericValue") if value is None else value
        return value, code_of(measured.get("MeasurementUnitsCodeSequence")), qualifier
    return None, None, qualifier


def _evaluates(item: Item) -> bool:
    """Whether a coded item is a value of its group: a malignancy, a level of significance."""
    return (
        item.value_type == "CODE"
        and item.told.kind in (_MEASUREMENT_GROUP, _EVALUATIONS)
        and item.concept not in CONTEXT
        and item.concept != _CATEGORY
        and str(item.dataset.get("RelationshipType") or "").strip() not in _MODIFIERS
        and item.position.rpartition(".")[0] == item.told.container
    )
