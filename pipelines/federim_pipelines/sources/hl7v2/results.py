"""Turn the results of an ORU^R01 into rows: numbers, codes and limits of normal, never text."""

from __future__ import annotations

from collections import Counter
from typing import Final

from federim_pipelines.codes.code import Code
from federim_pipelines.extract.facts import Facts, TableRow
from federim_pipelines.extract.moments import Moment
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.hl7v2.coded import FOUND, MEASURED, preferred
from federim_pipelines.sources.hl7v2.envelope import CORRECTED, TOLD, WITHDRAWN, Envelope, Found
from federim_pipelines.sources.hl7v2.moments import first_of
from federim_pipelines.sources.hl7v2.orders import Order, is_study_uid
from federim_pipelines.sources.hl7v2.quantities import limits, measured, structured
from federim_pipelines.sources.hl7v2.segments import Segment

# HL7 v2 table 0085. A preliminary result is one until the final takes its place.
_WITHDRAWN: Final = frozenset({"D", "W", "X"})
_WITHOUT_VALUE: Final = frozenset({"N", "I", "O", "U"})
_CORRECTED: Final = frozenset({"C"})

_CODED: Final = frozenset({"CE", "CWE", "CNE", "CF", "IS", "ID"})
_TEXTS: Final = frozenset({"ST", "TX", "FT", ""})
# What no column holds, by the word it is counted under.
_NOT_KEPT: Final = {
    "DT": "date",
    "TM": "date",
    "TS": "date",
    "DTM": "date",
    "DR": "date",
    "PN": "name",
    "XPN": "name",
    "XCN": "name",
    "XON": "name",
    "CX": "identifier",
    "EI": "identifier",
    "HD": "identifier",
    "AD": "address",
    "XAD": "address",
    "XTN": "address",
    "NA": "array",
    "MA": "array",
    "CP": "price",
}

_Value = tuple[float | None, Code | None, str | None]  # number, code, operator


def take_results(
    order: Order, envelope: Envelope, found: Found, *, report_id: str | None, hidden: bool
) -> None:
    """Make a record of each result of an order, a withdrawal, a refusal or a count.

    Each observation is a record of its own, as each has a status of its own: a message that corrects one
    says nothing of the others. What is hidden is taken away as what is withdrawn is.

    References
    ----------
    HL7 v2.5, 7.4.2 (OBX) and tables 0085, 0125.
    """
    facts = envelope.facts(report_id)
    met: Counter[tuple[str, str]] = Counter()
    for obx in order.told:
        if is_study_uid(obx):
            found.skipped["study-uid"] += 1  # joined to the report, see `Order.studies`
            continue
        name = (obx(3), obx(4))
        met[name] += 1
        key = envelope.key("result", *order.name, *name, str(met[name]))
        status = obx(11).upper()
        if hidden or order.cancelled or status in _WITHDRAWN:
            found.records.append(envelope.record(key, (), obx, rank=WITHDRAWN))
            continue
        try:
            row = _row(obx, order, facts, key.hex(), found)
        except Unusable as error:
            found.refused(error, obx.line)
            continue
        if row is not None:
            rank = CORRECTED if status in _CORRECTED else TOLD
            found.records.append(envelope.record(key, [row], obx, order.obr, rank=rank))


def _row(obx: Segment, order: Order, facts: Facts, key: str, found: Found) -> TableRow | None:
    value = None if obx(11).upper() in _WITHOUT_VALUE else _value(obx, found)
    if value is None:
        return None
    number, coded, operator = value
    code = preferred(obx.value(3), MEASURED)
    if code is None:
        raise Unusable(Reason.CODE_MISSING, "OBX-3")
    at = _observed(obx, order)
    if order.of_images and number is None:
        return facts.observation(key, code, at, value=coded)
    return facts.measurement(
        key,
        code,
        at,
        number=number,
        value=coded,
        operator=operator,
        unit=obx(6) or None,
        limits=limits(obx(7)),
        specimen=_specimen(order),
    )


def _value(obx: Segment, found: Found) -> _Value | None:
    """The value of an observation; None, and a count, where there is none that the lake keeps."""
    kind, value = obx(2).upper(), obx.value(5)
    if not value.raw or not (value(1) or value(2) or value(4)):
        found.skipped["without-value"] += 1
        return None
    if kind in _NOT_KEPT:
        found.skipped[_NOT_KEPT[kind]] += 1
        return None
    if kind == "NM":
        return _number(measured(value(1)), "OBX-5 (NM)")
    if kind == "SN":
        return _number(structured(value), "OBX-5 (SN)")
    if kind in _CODED:
        code = preferred(value, FOUND)
        if code is None:
            found.skipped["text"] += 1  # a text in the place of a code, and no code beside it
            return None
        return None, code, None
    if kind in _TEXTS:
        # Analysers send numbers as text too. A unit beside it tells a result from the number of a phone.
        told = measured(value(1)) if obx(6) else None
        if told is None:
            found.skipped["text"] += 1
            return None
        return _number(told, "OBX-5")
    raise Unusable(Reason.VALUE_UNUSABLE, "OBX-2")


def _number(told: tuple[str | None, float] | None, where: str) -> _Value:
    if told is None:
        raise Unusable(Reason.VALUE_UNUSABLE, where)
    return told[1], None, told[0]


def _observed(obx: Segment, order: Order) -> Moment:
    """When the specimen was taken or the reading made: of the observation, its specimen, its order."""
    taken = [(spm(17), "SPM-17") for spm in _specimens(order)]
    obr = [(order.obr(7), "OBR-7"), (order.obr(14), "OBR-14")] if order.obr else []
    return first_of((obx(14), "OBX-14"), *taken, *obr)


def _specimen(order: Order) -> Code | None:
    for spm in _specimens(order):
        return preferred(spm.value(4), FOUND)
    # Before v2.5 the specimen stood in OBR-15, its code and system in parts of the first component.
    if order.obr is None or not order.obr(15):
        return None
    return preferred(order.obr.value(15).component(1), FOUND)


def _specimens(order: Order) -> list[Segment]:
    return [other for other in order.others if other.name == "SPM"]
