"""Turn a DiagnosticReport into the row of its report, its coded conclusions and the studies it speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from federim_pipelines.codes.code import Code
from federim_pipelines.codes.systems import LOINC
from federim_pipelines.extract import moments
from federim_pipelines.extract.facts import Facts, TableRow, part_key
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.fhir.codings import FOUND, MEASURED, preferred
from federim_pipelines.sources.fhir.content import Resource
from federim_pipelines.sources.fhir.links import Links
from federim_pipelines.sources.fhir.versions import version_number

CONCLUSION = Code("55110-1", LOINC)  # Conclusions [Interpretation] Document


def report(resource: Resource, facts: Facts, key: str, links: Links) -> Iterator[TableRow | Unusable]:
    """That a DiagnosticReport exists, what it concludes in codes, and which images it reads.

    Its text, its conclusion in words and its presented form are never stored. A conclusion that is not
    coded is given as the refusal it deserves, beside the rows of the rest.

    Raises
    ------
    Unusable
        It has no code, or its date cannot be read.

    References
    ----------
    HL7 FHIR R4, DiagnosticReport.
    """
    code = preferred(resource.get("code"), MEASURED)
    if code is None:
        raise Unusable(Reason.CODE_MISSING, "DiagnosticReport.code")
    at = moments.of_fhir(resource, "effectiveDateTime", "effectivePeriod", "issued")
    yield facts.report(key, code, at, version=version_number(resource))
    yield from facts.report_studies(key, links.studies(resource))
    told = replace(facts, report_id=key)
    for place, concept in enumerate(resource.get("conclusionCode", ())):
        found = preferred(concept, FOUND)
        if found is None:
            yield Unusable(Reason.CODE_MISSING, "DiagnosticReport.conclusionCode")
            continue
        own = part_key(bytes.fromhex(key), "conclusion", place)
        yield told.observation(own, CONCLUSION, at, value=found)
