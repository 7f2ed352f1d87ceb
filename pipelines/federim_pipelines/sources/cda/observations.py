"""Turn an observation into a measurement, a diagnosis, an act or another fact, by what its codes are."""

from __future__ import annotations

from typing import Final

from federim_pipelines.codes.code import Code, best
from federim_pipelines.codes.systems import CCAM, CIM_10, ICD_O, LOINC, NABM, SNOMED_CT
from federim_pipelines.extract.facts import Rows, TableRow
from federim_pipelines.extract.moments import Moment
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.cda.datatypes import (
    child,
    children,
    codes,
    end_of,
    known,
    start_of,
    templates,
)
from federim_pipelines.sources.cda.parsing import Element
from federim_pipelines.sources.cda.report import Report
from federim_pipelines.sources.cda.specimens import specimen_of
from federim_pipelines.sources.cda.statements import Skipped, Statement
from federim_pipelines.sources.cda.values import MEASURED, Value, interpretation_of, limits_of, value_of

DIAGNOSED: Final = (CIM_10, ICD_O, SNOMED_CT)

_LABORATORY: Final = "1.3.6.1.4.1.19376.1.3.1"  # IHE XD-LAB; its parts' templates begin with it
_PROBLEM: Final = "1.3.6.1.4.1.19376.1.5.3.1.4.5"  # IHE PCC, Problem Entry: the value is the problem
# What says the same by its code: a diagnosis, a problem, a condition.
_PROBLEMS: Final = frozenset(
    {Code(code, SNOMED_CT) for code in ("282291009", "439401001", "55607006", "64572001")}
    | {Code(code, LOINC) for code in ("29308-4", "75326-9", "75315-2", "75323-6")}
)
_DIAGNOSES: Final = frozenset({CIM_10, ICD_O})
_ACTS: Final = frozenset({CCAM, NABM})
_SOP_CLASSES: Final = "urn:oid:1.2.840.10008.2.6.1"


def observation(statement: Statement, report: Report) -> Rows:
    """The rows of an observation, one for each of its values.

    Raises
    ------
    Skipped
        It has no value, none but a text, or one that denies what its code says.
    Unusable
        It has no code, or a value, a unit or a date that cannot be read.

    References
    ----------
    HL7 CDA R2, 4.3.6.1; IHE XD-LAB; ANS CI-SIS, volets CR-BIO, CR-IMG and FRCP; DICOM PS3.20, 9.8.
    """
    element = statement.element
    told = codes(child(element, "code"))
    values = children(element, "value")
    for code in told:
        if code.system == _SOP_CLASSES:
            raise Skipped("image reference")
        if code.system in _ACTS:
            _require_true(values)
            return [report.facts.procedure(report.name("act", statement), code, report.moment(statement))]
        if code.system in _DIAGNOSES:
            _require_true(values)
            return [_condition(statement, report, code, 0)]
    if diagnosed := _diagnosed(element, told, values):
        return [_condition(statement, report, code, place) for place, code in enumerate(diagnosed)]
    about = best(told, MEASURED)
    if about is None:
        raise Unusable(Reason.CODE_MISSING, "observation/code")
    at = report.moment(statement)
    if qualified := [pair for value in values if not codes(value) for pair in _qualifiers(value)]:
        return [
            report.facts.observation(report.name("qualifier", statement, place), name, at, value=value)
            for place, (name, value) in enumerate(qualified)
        ]
    return [
        _found(statement, report, about, at, value, place)
        for place, value in enumerate(_values(values, interpretation_of(element)))
    ]


def _values(told: list[Element], meaning: Code | None) -> list[Value]:
    """What the values say, of which some may say nothing; the interpretation where there is none."""
    found, nothing = [], Skipped("without value")
    for value in told:
        try:
            found.append(value_of(value, meaning))
        except Skipped as skipped:
            nothing = skipped
    if not told and meaning is not None:
        found = [Value(code=meaning)]
    if not found:
        raise nothing
    return found


def _found(
    statement: Statement, report: Report, code: Code, at: Moment, value: Value, place: int
) -> TableRow:
    """A number is a measurement, and whatever a laboratory found; the rest is another fact."""
    key = report.name("observation", statement, place)
    coded = value.code if value.truth is None else Code(str(value.truth).lower(), None)
    of_laboratory = _of_laboratory(statement)
    if value.number is None and not of_laboratory:
        return report.facts.observation(key, code, at, value=coded)
    return report.facts.measurement(
        key,
        code,
        at,
        number=value.number,
        value=coded,
        operator=value.operator,
        unit=value.unit,
        limits=(None, None) if value.number is None else limits_of(statement.element, value.unit),
        specimen=specimen_of(statement) if of_laboratory else None,
    )


def _condition(statement: Statement, report: Report, code: Code, place: int) -> TableRow:
    # Its own time alone: when something was told is not when it began.
    time = statement.time()
    key = report.name("condition", statement, place)
    return report.facts.condition(key, code, known(start_of(time)), known(end_of(time)))


def _diagnosed(element: Element, told: list[Code], values: list[Element]) -> list[Code]:
    """What a problem's value says it is; of a tumour its site too, which CIM-10 names as a diagnosis."""
    is_problem = _PROBLEM in templates(element) or not _PROBLEMS.isdisjoint(told)
    found = [
        code
        for value in values
        if (code := best(codes(value), DIAGNOSED)) is not None and (is_problem or code.system in _DIAGNOSES)
    ]
    if found:
        sites = [code for site in children(element, "targetSiteCode") for code in codes(site)]
        found += [code for code in sites if code.system == CIM_10]
    return found


def _require_true(values: list[Element]) -> None:
    if any(value.get("value") == "false" for value in values):
        raise Skipped("negated")


def _qualifiers(value: Element) -> list[tuple[Code, Code]]:
    """Names and values of a concept's qualifiers: the stage of a classification and its edition."""
    found = []
    for qualifier in children(value, "qualifier"):
        name = best(codes(child(qualifier, "name")), MEASURED)
        said = best(codes(child(qualifier, "value")), MEASURED)
        if name is not None and said is not None:
            found.append((name, said))
    return found


def _of_laboratory(statement: Statement) -> bool:
    return any(
        template.startswith(_LABORATORY)
        for element in (statement.element, *statement.above)
        for template in templates(element)
    )
