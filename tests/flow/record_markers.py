"""Records of every source, once for each of their places, with a marker in that place and nowhere else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from clinical_messages import ins_of
from lxml import etree

PREFIX = "Zvqkwjxz"  # no word begins so, and no digest holds its sixteen hexadecimal digits
INS = ins_of("2690549588157")

Plant = Callable[[str], str]
Mark = tuple[str, Callable[[str], str]]  # how a place is marked, and the text that marks it

# A word alone, a word beside other words, and the number of a person.
ALONE: Mark = ("alone", lambda marker: marker)
AMONG: Mark = ("among words", lambda marker: f"{marker} Durand")
NUMBER: Mark = ("national number", lambda _: INS)
MARKS = (ALONE, AMONG, NUMBER)

# As many fields as HL7 v2.5 and the French extensions give each segment.
_FIELDS = {
    "MSH": 21,
    "EVN": 7,
    "PID": 39,
    "PD1": 21,
    "NK1": 39,
    "PV1": 52,
    "PV2": 49,
    "MRG": 7,
    "AL1": 6,
    "DG1": 21,
    "ROL": 12,
    "ZBE": 9,
    "ZFA": 12,
    "ZFD": 7,
    "ORC": 31,
    "OBR": 50,
    "OBX": 25,
    "NTE": 4,
    "SPM": 29,
    "IPC": 9,
    "ZDS": 1,
    "TXA": 26,
}
_HEADER = "MSH|^~\\&|SIL|CHU|F|CHU|20240601120000||{kind}|{n}|P|2.5"
_PID = f"PID|1||P{{n}}^^^CHU&1.2.250.1.999.1&ISO^PI~{INS}^^^A&1.2.250.1.213.1.4.8&ISO^NH||N^P||19690512|F"
_STAY = "PV1|1|I|||||||||||||||||{n}^^^CHU^VN" + "|" * 25 + "20240601"
_ORDER = ("ORC|RE|{n}|L{n}", "OBR|1|{n}|L{n}|24323-8^B^LN|||20240601|||||||||||||||20240601||LAB")
_MESSAGES: dict[str, tuple[str, ...]] = {
    "ADT^A01": (
        *("EVN||20240601", _PID, "PD1|1", "NK1|1", "ROL|1", _STAY, "PV2|1", "ZBE|1|20240601"),
        *("ZFA|ACTIF|20240306|||||||INO|20240306|IC|20240307", "ZFD|||Y", "AL1|1", "DG1|1"),
    ),
    "ADT^A40": ("EVN||20240601", _PID, "MRG|Q{n}^^^CHU&1.2.250.1.999.1&ISO^PI"),
    "ORU^R01": (
        _PID,
        *_ORDER,
        "OBX|1|NM|14682-9^C^LN||80|umol/L|60-90|N|||F|||20240601",
        "OBX|2|NM|X1^C^L||80|umol/L|60-90|N|||F|||20240601",
        "OBX|3|ST|2160-0^C^LN||<5|mg/dL||N|||F|||20240601",
        "OBX|4|SN|2160-0^C^LN||<^5|mg/dL||N|||F|||20240601",
        "OBX|5|CWE|882-1^C^LN||112144000^A^SCT^A^A^L||||||F|||20240601",
        "OBX|6|TX|11502-2^C^LN||T||||||F|||20240601",
        "NTE|1|L|T",
        "SPM|1|||119297000^S^SCT|||||||||||||20240601",
    ),
    "ORU^R01^images": (
        _PID,
        *(_ORDER[0], _ORDER[1].replace("LAB", "RAD"), "IPC|A{n}|1|1.2.3.{n}|1", "ZDS|1.2.3.{n}"),
        "OBX|1|CE|18782-3^C^LN||168734001^A^SCT||||||F",
        "OBX|2|ED|18748-4^C^LN||^TEXT^PDF^Base64^JVBERi0=||||||F",
    ),
    "MDM^T02": (
        "EVN||20240601",
        _PID,
        "TXA|1|CR|TEXT|20240601||20240601||||||{n}^CHU|||||AU",
        "OBX|1|TX|C||T||||||F",
    ),
}
# Where a lone word has the shape of what belongs there, a local code or unit: SECURITY.md says so.
_LOCAL = {
    *(("alone", place) for place in ("OBX-3", "OBX-5", "OBX-6", "OBR-4", "SPM-4", "OBR-15", "TXA-2")),
    ("coded", "OBX-6"),
}
_CODED = "{0}^{0} x^LN^{0}^{0} x^SCT^^^^{0}^{0}^I10"


def messages(plant: Plant) -> Iterator[str]:
    """A message for each field of each segment, marked in each way, and as codes of systems that check."""
    coded: Mark = ("coded", lambda marker: _CODED.format(marker))
    number = 0
    for kind, segments in _MESSAGES.items():
        for place, segment in enumerate((_HEADER, *segments)):
            name = segment[:3]
            for field in range(2 if name != "MSH" else 3, _FIELDS[name] + 1):
                for how, mark in (*MARKS, coded):
                    at = f"{name}-{field}"
                    if at == "MSH-9" or (how, at) in _LOCAL:
                        continue
                    number += 1
                    told = [_HEADER, *segments]
                    told[place] = _put(segment, field, mark(plant(f"{kind} {at} of {place} {how}")))
                    yield "\r".join(told).replace("{kind}", kind).replace("{n}", str(number)) + "\r"


def _put(segment: str, field: int, text: str) -> str:
    fields = segment.split("|")
    place = field - (fields[0] == "MSH")
    fields += [""] * (place + 1 - len(fields))
    fields[place] = text
    return "|".join(fields)


def _concept(code: str, system: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": "D", "version": "V"}], "text": "T"}


_LOINC, _SCT = "http://loinc.org", "http://snomed.info/sct"
_QUANTITY = {"value": 80, "comparator": "<", "unit": "umol/L", "code": "umol/L", "system": "S"}
_SAID: dict[str, Any] = {
    "subject": {"reference": "Patient/p{n}", "display": "D", "identifier": {"system": "S", "value": "V"}},
    "encounter": {"reference": "Encounter/e{n}", "display": "D"},
    "performer": [{"reference": "Practitioner/1", "display": "D"}],
    "note": [{"text": "T", "authorString": "A"}],
    "text": {"status": "generated", "div": "<div>T</div>"},
    "extension": [{"url": "U", "valueString": "S"}],
    "identifier": [{"system": "S", "value": "V", "type": _concept("ACSN", "S")}],
    "meta": {"versionId": "1", "lastUpdated": "2024-06-01T00:00:00Z", "tag": [{"code": "C"}]},
}
_RESOURCES: tuple[dict[str, Any], ...] = (
    {
        "resourceType": "Observation",
        "category": [_concept("laboratory", "S")],
        "code": _concept("14682-9", _LOINC),
        "effectiveDateTime": "2024-06-01T10:00:00Z",
        "valueQuantity": _QUANTITY,
        "interpretation": [_concept("N", "S")],
        "specimen": {"reference": "Specimen/s{n}"},
        "referenceRange": [{"low": {"value": 60, "unit": "umol/L"}, "text": "T"}],
        "component": [
            {"code": _concept("8480-6", _LOINC), "valueQuantity": {"value": 1, "unit": "mm[Hg]"}},
            {"code": _concept("882-1", _LOINC), "valueCodeableConcept": _concept("112144000", _SCT)},
            {"code": _concept("882-1", _LOINC), "valueString": "S"},
        ],
    },
    {
        "resourceType": "Condition",
        "code": _concept("C34.1", "http://hl7.org/fhir/sid/icd-10"),
        "onsetDateTime": "2024-06-01",
        "verificationStatus": _concept("confirmed", "S"),
    },
    {
        "resourceType": "Procedure",
        "code": _concept("ZBQK001", "https://smt.esante.gouv.fr/terminologie-ccam"),
        "performedDateTime": "2024-06-01",
        "bodySite": [_concept("51185008", _SCT)],
        "status": "completed",
    },
    {
        "resourceType": "MedicationStatement",
        "medicationReference": {"reference": "Medication/m{n}", "display": "D"},
        "effectivePeriod": {"start": "2024-06-01", "end": "2024-06-02"},
        "dosage": [
            {
                "text": "T",
                "route": _concept("26643006", _SCT),
                "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "mg"}}],
            }
        ],
    },
    {
        "resourceType": "DiagnosticReport",
        "code": _concept("18748-4", _LOINC),
        "effectiveDateTime": "2024-06-01",
        "conclusion": "T",
        "conclusionCode": [_concept("112144000", _SCT)],
        "presentedForm": [{"data": "RA==", "title": "T"}],
        "basedOn": [{"reference": "ServiceRequest/r{n}", "identifier": {"value": "V"}}],
    },
    {
        "resourceType": "ImagingStudy",
        "started": "2024-06-01",
        "modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "CT"}],
        "description": "T",
        "series": [{"uid": "1.2.3", "bodySite": {"system": _SCT, "code": "51185008"}, "description": "T"}],
    },
    {
        "resourceType": "Medication",
        "code": _concept("N02BE01", "http://www.whocc.no/atc"),
        "batch": {"x": "L"},
    },
    {"resourceType": "Specimen", "type": _concept("119297000", _SCT), "collection": {"x": "T"}},
    {"resourceType": "Encounter", "class": {"code": "AMB"}, "period": {"start": "2024-06-01"}, "status": "x"},
    {"resourceType": "ServiceRequest", "code": _concept("1", _LOINC)},
)
_PATIENT = {
    "resourceType": "Patient",
    "id": "p{n}",
    "identifier": [
        {"type": {"coding": [{"code": "PI"}]}, "system": "urn:oid:1.2.250.1.999.1", "value": "F{n}"}
    ],
    "name": [{"family": "N", "given": ["P"], "text": "T"}],
    "telecom": [{"value": "V"}],
    "address": [{"line": ["L"], "city": "C", "postalCode": "P"}],
    "birthDate": "1969-05-12",
    "gender": "female",
    "contact": [{"name": {"family": "N"}}],
    "photo": [{"data": "RA=="}],
}
# The same: units, and codes of systems that say nothing of the shape of theirs.
_LOCAL_ENDS = {"Encounter.class.code", "unit", "valueQuantity.code", "modality.0.code"}


def bundles(plant: Plant) -> Iterator[str]:
    """A bundle for each leaf of a patient or of one of their resources, marked in each way, and keys."""
    number = 0
    for resource in (_PATIENT, *_RESOURCES):
        kind = resource["resourceType"]
        whole = resource if kind == "Patient" else {"id": f"{kind[0].lower()}{{n}}", **_SAID, **resource}
        others = [] if kind == "Patient" else [_PATIENT]
        others += [
            {"id": f"{one['resourceType'][0].lower()}{{n}}", **_SAID, **one}
            for one in _RESOURCES
            if one["resourceType"] in ("Medication", "Specimen", "Encounter") and one is not resource
        ]
        for path in _leaves(whole):
            at = ".".join(map(str, (kind, *path)))
            for how, mark in MARKS:
                if (how == "alone" and at.endswith(tuple(_LOCAL_ENDS))) or path[-1] == "resourceType":
                    continue
                number += 1
                marked = _with(whole, path, mark(plant(f"{at} {how}")))
                yield _bundle([*others, marked], number)
        for name in ("value", "effective", ""):
            number += 1
            yield _bundle([*others, {name + plant(f"{kind}: a key in {name}"): "x"} | whole], number)
        number += 1
        yield _bundle([*others, whole | {"resourceType": plant(f"{kind}.resourceType")}], number)


def _bundle(resources: Sequence[dict[str, Any]], number: int) -> str:
    entries = [{"resource": resource} for resource in resources]
    told = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})
    return told.replace("{n}", str(number))


def _leaves(told: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else None
    if inside is None:
        yield path
    else:
        for name, each in inside:
            yield from _leaves(each, (*path, name))


def _with(told: Any, path: Sequence[Any], text: str) -> Any:
    changed = copy.deepcopy(told)
    inner = changed
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = text
    return changed


# The same: a unit, and an interpretation whose system is not told.
_LOCAL_ATTRIBUTES = {("value", "unit"), ("doseQuantity", "unit"), ("interpretationCode", "code")}


def documents(plant: Plant, whole: bytes) -> Iterator[bytes]:
    """A document for each attribute and each text of `whole`, marked in each way."""
    number = 0
    elements = len(list(etree.fromstring(whole).iter()))
    for place in range(elements):
        names = [*list(etree.fromstring(whole).iter())[place].keys(), None]
        for name in names:
            for how, mark in MARKS:
                root = etree.fromstring(whole)
                element = list(root.iter())[place]
                at = etree.QName(element).localname
                if how == "alone" and (at, name) in _LOCAL_ATTRIBUTES:
                    continue
                number += 1
                text = mark(plant(f"{at}/@{name} {how}"))
                if name is None:
                    element.text = text
                else:
                    element.set(name, text)
                yield etree.tostring(root).replace(b"SET-N", f"SET-{number}".encode())
