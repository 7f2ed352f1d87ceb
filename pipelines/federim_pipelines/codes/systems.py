"""Code systems by the URI that stands for each in the lake, and the OIDs and names sources give them."""

from __future__ import annotations

import re
from functools import cache

LOINC = "http://loinc.org"
SNOMED_CT = "http://snomed.info/sct"
CIM_10 = "https://smt.esante.gouv.fr/terminologie-cim-10"
CCAM = "https://smt.esante.gouv.fr/terminologie-ccam"
NABM = "https://smt.esante.gouv.fr/terminologie-nabm"
UCUM = "http://unitsofmeasure.org"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
ATC = "http://www.whocc.no/atc"
# French identifiers of medicines have no other URI in the national FHIR guides.
CIS = "urn:oid:1.2.250.1.213.2.3.1"
CIP = "urn:oid:1.2.250.1.213.2.3.2"
UCD = "urn:oid:1.2.250.1.213.2.61"
ICD_O = "http://terminology.hl7.org/CodeSystem/icd-o-3"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"
ICD_9_CM = "http://hl7.org/fhir/sid/icd-9-cm"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
CPT = "http://www.ama-assn.org/go/cpt"
NDC = "http://hl7.org/fhir/sid/ndc"
OMOP = "https://fhir-terminology.ohdsi.org"  # codes are concept ids
OMOP_VISIT = f"{OMOP}/CodeSystem/Visit"

# Every other spelling, in lower case: OIDs, other URIs, names of HL7 v2 table 0396, coding schemes of
# DICOM PS3.16 table 8-1, vocabulary_id of OMOP, and what French messages write. The French revision of
# ICD-10 is the one its OID means here; the American one is another system.
_SPELLINGS: dict[str, str] = {
    LOINC: "2.16.840.1.113883.6.1 ln loinc lnc loinc.org https://loinc.org",
    SNOMED_CT: "2.16.840.1.113883.6.96 sct snomed snomed-ct snomedct sct2 snomed_ct https://snomed.info/sct",
    CIM_10: "2.16.840.1.113883.6.3 i10 icd10 icd-10 cim10 cim-10 http://hl7.org/fhir/sid/icd-10",
    CCAM: "1.2.250.1.213.2.5 1.2.250.1.215.300.1 ccam http://www.ameli.fr/ccam",
    NABM: "1.2.250.1.213.2.7 nabm",
    UCUM: "2.16.840.1.113883.6.8 ucum",
    DCM: "1.2.840.10008.2.16.4 dcm",
    ATC: "2.16.840.1.113883.6.73 atc atc5 https://smt.esante.gouv.fr/terminologie-atc",
    CIS: "1.2.250.1.213.2.3.1 cis bdpm",
    CIP: "1.2.250.1.213.2.3.2 cip cip13",
    UCD: "1.2.250.1.213.2.61 ucd ucd13",
    "urn:oid:1.2.250.1.213.2.59": "1.2.250.1.213.2.59 medicabase",
    ICD_O: "2.16.840.1.113883.6.43.1 icdo icdo3 icd-o icd-o-3 cim-o-3 cimo3",
    RXNORM: "2.16.840.1.113883.6.88 rxnorm rxnorm-extension",
    CVX: "2.16.840.1.113883.12.292 cvx",
    ICD_9_CM: "2.16.840.1.113883.6.103 i9c icd9cm",
    ACT_CODE: "2.16.840.1.113883.5.4 actcode",
    OMOP: "omop",
    ICD_10_CM: "2.16.840.1.113883.6.90 i10c icd10cm icd-10-cm",
    CPT: "2.16.840.1.113883.6.12 c4 cpt4 cpt cpt-4",
    NDC: "2.16.840.1.113883.6.69 ndc",
    "http://www.radlex.org": "2.16.840.1.113883.6.256 radlex",
    "http://standardterms.edqm.eu": "0.4.0.127.0.16.1.1.2.1 edqm",
    "urn:oid:1.2.840.10008.2.16.13": "1.2.840.10008.2.16.13 ibsi",
    "urn:oid:2.16.840.1.113883.6.119": "2.16.840.1.113883.6.119 fma",
    "http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender": "2.16.840.1.113883.5.1",
    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation": "2.16.840.1.113883.5.83",
    "http://terminology.hl7.org/CodeSystem/v3-ObservationMethod": "2.16.840.1.113883.5.84",
    "http://terminology.hl7.org/CodeSystem/v3-Confidentiality": "2.16.840.1.113883.5.25",
    "http://terminology.hl7.org/CodeSystem/v3-RoleCode": "2.16.840.1.113883.5.111",
    "http://terminology.hl7.org/CodeSystem/v2-0487": "2.16.840.1.113883.18.311 hl70487",
    "https://smt.esante.gouv.fr/terminologie-ta_asip": "1.2.250.1.213.1.1.4.322 ta_asip",
}
_HL7_TABLE = re.compile(
    r"(?:2\.16\.840\.1\.113883\.12\.|hl7|http://terminology\.hl7\.org/codesystem/v2-)0*([1-9][0-9]{0,3})"
)
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")


def system_uri(told: str) -> str | None:
    """The URI of a code system told by an OID, a name or another of its URIs; None where it is not known.

    An OID may bear its `urn:oid:`; case does not count, and a blank is a hyphen. What an unknown OID
    becomes is `or_oid`.
    """
    spelling = "-".join(told.lower().removeprefix("urn:oid:").split())
    if (table := _HL7_TABLE.fullmatch(spelling)) is not None and spelling not in _by_spelling():
        return f"http://terminology.hl7.org/CodeSystem/v2-{int(table[1]):04d}"
    return _by_spelling().get(spelling)


def or_oid(told: str) -> str | None:
    """The system's URI, `urn:oid:…` where its OID is all that is known, None where neither is told."""
    known = system_uri(told)
    bare = told.strip().removeprefix("urn:oid:")
    return known or (f"urn:oid:{bare}" if _OID.fullmatch(bare) else None)


@cache
def _by_spelling() -> dict[str, str]:
    found = {uri.lower(): uri for uri in _SPELLINGS}
    for uri, spellings in _SPELLINGS.items():
        found.update(dict.fromkeys(spellings.split(), uri))
    return found
