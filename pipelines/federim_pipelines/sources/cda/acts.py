"""Turn acts and drugs into rows: what was done, where on the body and on which side, what was given."""

from __future__ import annotations

from typing import Final

from federim_pipelines.codes.code import Code, best
from federim_pipelines.codes.systems import ATC, CCAM, CIS, LOINC, NABM, SNOMED_CT, UCD
from federim_pipelines.codes.units import usable
from federim_pipelines.extract.facts import Rows
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.cda.datatypes import (
    child,
    children,
    codes,
    end_of,
    known,
    number_of,
)
from federim_pipelines.sources.cda.parsing import Element
from federim_pipelines.sources.cda.report import Report
from federim_pipelines.sources.cda.statements import Skipped, Statement

DONE: Final = (CCAM, NABM, SNOMED_CT)
GIVEN: Final = (ATC, CIS, UCD, SNOMED_CT)

# "Laterality" in the two systems it is coded in; its value is a side.
_LATERALITY: Final = frozenset({Code("272741003", SNOMED_CT), Code("20228-3", LOINC)})


def procedure(statement: Statement, report: Report) -> Rows:
    """The row of an act, with the study it made if it made one.

    Raises
    ------
    Unusable
        It has no code, or its date cannot be read.

    References
    ----------
    HL7 CDA R2, 4.3.6.5, Procedure; DICOM PS3.20, 9.4, Imaging Procedure Description.
    """
    element = statement.element
    told = codes(child(element, "code"))
    code = best(told, DONE)
    if code is None:
        raise Unusable(Reason.CODE_MISSING, "procedure/code")
    site = child(element, "targetSiteCode")
    return [
        report.facts.procedure(
            report.name("procedure", statement),
            code,
            report.moment(statement),
            body_site=best(codes(site), (SNOMED_CT,)),
            laterality=_side(site),
            study_uid=report.studies.made_by(told, reversed(statement.sections)),
        )
    ]


def act(statement: Statement, report: Report) -> Rows:
    """The row of an act of a nomenclature; any other act only holds statements together.

    Raises
    ------
    Unusable
        Its date cannot be read.
    """
    done = [code for code in codes(child(statement.element, "code")) if code.system in (CCAM, NABM)]
    if not done:
        return []
    return [report.facts.procedure(report.name("act", statement), done[0], report.moment(statement))]


def drug(statement: Statement, report: Report) -> Rows:
    """The row of a drug given, a contrast medium among them.

    Raises
    ------
    Skipped
        Its drug is named by words alone.
    Unusable
        A dose or a date cannot be read.

    References
    ----------
    HL7 CDA R2, 4.3.6.7, SubstanceAdministration; ANS CI-SIS, Administration de produits de santé.
    """
    element = statement.element
    material = child(element, "consumable", "manufacturedProduct", "manufacturedMaterial")
    code = best(codes(child(material, "code")), GIVEN)
    if code is None:
        raise Skipped("text")
    quantity, unit = _dose(child(element, "doseQuantity"))
    return [
        report.facts.drug(
            report.name("drug", statement),
            code,
            report.moment(statement),
            known(end_of(statement.time())),
            quantity=quantity,
            unit=unit,
            route=best(codes(child(element, "routeCode")), ()),
        )
    ]


def _side(site: Element | None) -> Code | None:
    for qualifier in () if site is None else children(site, "qualifier"):
        if not _LATERALITY.isdisjoint(codes(child(qualifier, "name"))):
            return best(codes(child(qualifier, "value")), (SNOMED_CT,))
    return None


def _dose(dose: Element | None) -> tuple[float | None, str | None]:
    """A dose and its unit; none where it is a range."""
    if dose is None:
        return None, None
    bounds = [bound for name in ("low", "high", "center") if (bound := child(dose, name)) is not None]
    told = {
        (number, one.get("unit"))
        for one in (dose, *bounds)
        if (number := number_of(one, "doseQuantity")) is not None
    }
    number, unit = told.pop() if len(told) == 1 else (None, None)
    if unit is not None and not usable(unit):
        raise Unusable(Reason.VALUE_UNUSABLE, "doseQuantity/@unit")
    return number, unit
