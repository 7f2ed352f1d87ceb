"""Write small CDA documents about persons who do not exist."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from federim_pipelines.items import Record, Row

LOINC = "2.16.840.1.113883.6.1"
SNOMED_CT = "2.16.840.1.113883.6.96"
CIM_10 = "2.16.840.1.113883.6.3"
CCAM = "1.2.250.1.213.2.5"
NABM = "1.2.250.1.213.2.7"
ATC = "2.16.840.1.113883.6.73"
DCM = "1.2.840.10008.2.16.4"
ICD_O = "2.16.840.1.113883.6.43.1"

LABORATORY_OBSERVATION = "1.3.6.1.4.1.19376.1.3.1.6"
IMAGING_REPORT = "1.2.840.10008.9.1"

REGISTER = "1.2.250.1.999.1"
PATIENT = f'<id root="{REGISTER}" extension="IPP-0001"/>'
DOCUMENT = '<id root="1.2.250.1.999.2" extension="CR-1"/>'


def code(value: str, system: str = LOINC, name: str = "code", inner: str = "") -> str:
    """A coded element."""
    return f'<{name} code="{value}" codeSystem="{system}">{inner}</{name}>'


def document(
    *entries: str,
    ids: str = DOCUMENT,
    kind: str = code("11502-2"),
    written: str = "20240105101500+0100",
    confidentiality: str = '<confidentialityCode code="N"/>',
    patient: str = PATIENT,
    sex: str = "F",
    birth: str = "19620417",
    header: str = "",
    templates: str = "",
    body: str = "",
) -> bytes:
    """A document whose one section holds `entries`, or whose `body` is another."""
    section = "".join(f"<entry>{entry}</entry>" for entry in entries)
    told = body or f"<structuredBody><component><section>{section}</section></component></structuredBody>"
    return textwrap.dedent(f"""\
        <?xml version="1.0" encoding="UTF-8"?>
        <ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
            xmlns:ps3-20="urn:dicom-org:ps3-20">
        {templates}{ids}{kind}<title>Compte rendu de Zélie TESTUD</title>
        <effectiveTime value="{written}"/>{confidentiality}
        {version(ids)}<recordTarget><patientRole>{patient}<addr><city>ATLANTIS</city></addr>
        <patient><name><family>TESTUD</family><given>Zélie</given></name>
        <administrativeGenderCode code="{sex}"/><birthTime value="{birth}"/></patient>
        </patientRole></recordTarget>
        <author><assignedAuthor><id root="1.2.250.1.71.4.2.1" extension="8999"/></assignedAuthor></author>
        {header}<component>{told}</component></ClinicalDocument>
        """).encode()


def version(ids: str) -> str:
    """A versionNumber, unless the identifiers bring one."""
    return "" if "versionNumber" in ids else '<versionNumber value="1"/>'


def observation(
    what: str = "",
    value: str = "",
    *,
    at: str = '<effectiveTime value="20240105073500+0100"/>',
    template: str = "",
    attributes: str = "",
    inner: str = "",
) -> str:
    """An observation."""
    told = f'<templateId root="{template}"/>' if template else ""
    return (
        f'<observation classCode="OBS" moodCode="EVN" {attributes}>{told}{what}'
        f'<statusCode code="completed"/>{at}{value}{inner}</observation>'
    )


def quantity(number: str, unit: str = "", name: str = "value") -> str:
    """A value of type PQ."""
    told = f'unit="{unit}"' if unit else ""
    return f'<{name} xsi:type="PQ" value="{number}" {told}/>'


def normal(low: str, high: str, unit: str) -> str:
    """The limits of normal of a result."""
    return (
        '<referenceRange><observationRange><value xsi:type="IVL_PQ">'
        f'<low value="{low}" unit="{unit}"/><high value="{high}" unit="{unit}"/></value>'
        '<interpretationCode code="N"/></observationRange></referenceRange>'
    )


def rows_of(records: Sequence[Record], table: str) -> list[Row]:
    """The rows of one table, in the document's order."""
    return [row for record in records for name, row in record.rows if name == table]
