"""Write what a laboratory sends of many patients: FHIR lines, HL7 v2 messages, CDA documents."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

RESULTS: Final = (
    ("14682-9", 82, "umol/L"),
    ("22664-7", 5.1, "mmol/L"),
    ("2951-2", 139, "mmol/L"),
    ("2823-3", 4.2, "mmol/L"),
    ("718-7", 13.4, "g/dL"),
    ("6690-2", 8.2, "10*9/L"),
    ("777-3", 220, "10*9/L"),
    ("1988-5", 3.1, "mg/L"),
    ("30239-8", 24, "U/L"),
    ("2885-2", 71, "g/L"),
)
RESULTS_A_PATIENT: Final = 100
RESULTS_A_DOCUMENT: Final = 40  # a blood count, its formula and the usual chemistry
_FIRST_DAY: Final = dt.date(2021, 3, 14)
_LOINC: Final = "2.16.840.1.113883.6.1"
_REGISTER: Final = "1.2.250.1.999.1"


def write_fhir(path: Path, count: int) -> None:
    """`count` lines: each Patient, then a hundred Observations of theirs."""
    with path.open("w") as file:
        for number in range(count):
            patient, order = divmod(number, RESULTS_A_PATIENT)
            resource = _observation(number, patient) if order else _patient(patient)
            file.write(json.dumps(resource, separators=(",", ":")) + "\n")


def write_hl7v2(path: Path, count: int) -> None:
    """`count` messages ORU^R01 of ten results, in one file."""
    with path.open("w", newline="") as file:
        for number in range(count):
            file.write("".join(f"{segment}\r" for segment in _oru(number)))


def write_cda(folder: Path, count: int) -> None:
    """`count` documents CR-BIO, a file each."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.xml").write_text(_cda(number))


def _patient(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": f"p{number}",
        "identifier": [
            {"type": {"coding": [{"code": "PI"}]}, "system": f"urn:oid:{_REGISTER}", "value": f"F{number}"}
        ],
        "name": [{"family": "ESSAI", "given": ["FICTIF"]}],
        "gender": "female",
        "birthDate": f"{1935 + number % 70}-04-09",
    }


def _observation(number: int, patient: int) -> dict[str, Any]:
    code, value, unit = RESULTS[number % len(RESULTS)]
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "meta": {"versionId": "1", "lastUpdated": "2021-03-15T08:00:00Z"},
        "status": "final",
        "category": [
            {"coding": [{"system": "http://hl7.org/fhir/observation-category", "code": "laboratory"}]}
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/p{patient}"},
        "effectiveDateTime": f"{_day(number)}T08:15:00+01:00",
        "valueQuantity": {
            "value": value,
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
        "referenceRange": [{"low": {"value": 1, "code": unit}, "high": {"value": 500, "code": unit}}],
    }


def _oru(number: int) -> Iterator[str]:
    patient, instant = number // 10, f"{_day(number):%Y%m%d}081500"
    yield f"MSH|^~\\&|SIL|LABO|FEDERIM|CHU|{instant}||ORU^R01^ORU_R01|{number}|P|2.5|||||FRA|UNICODE UTF-8"
    yield f"PID|1||F{patient}^^^CHU&{_REGISTER}&ISO^PI||ESSAI^FICTIF||19610409|F"
    yield f"ORC|RE|{number}^CHU|L{number}^LABO"
    yield f"OBR|1|{number}^CHU|L{number}^LABO|24323-8^Bilan^LN|||{instant}"
    for place, (code, value, unit) in enumerate(RESULTS, 1):
        yield f"OBX|{place}|NM|{code}^Analyse^LN||{value}|{unit}|1-500||||F|||{instant}"


def _cda(number: int) -> str:
    day = f"{_day(number):%Y%m%d}"
    found = "".join(
        f"""<component><observation classCode="OBS" moodCode="EVN"><code code="{code}"
codeSystem="{_LOINC}" displayName="Analyse"/><statusCode code="completed"/>
<effectiveTime value="{day}081500+0100"/><value xsi:type="PQ" value="{value}" unit="{unit}"/>
<referenceRange><observationRange><value xsi:type="IVL_PQ"><low value="1" unit="{unit}"/>
<high value="500" unit="{unit}"/></value></observationRange></referenceRange></observation></component>"""
        for code, value, unit in RESULTS * (RESULTS_A_DOCUMENT // len(RESULTS))
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<id root="1.2.250.1.999.3" extension="{number}"/><code code="11502-2" codeSystem="{_LOINC}"/>
<effectiveTime value="{day}160527+0100"/><confidentialityCode code="N"/>
<setId root="1.2.250.1.999.3" extension="{number}"/><versionNumber value="1"/>
<recordTarget><patientRole><id extension="F{number // 10}" root="{_REGISTER}"/><patient>
<administrativeGenderCode code="F"/><birthTime value="19610409"/></patient></patientRole></recordTarget>
<component><structuredBody><component><section><code code="18719-5" codeSystem="{_LOINC}"/>
<text>{"<paragraph>Texte du compte rendu.</paragraph>" * 200}</text><entry><act classCode="ACT"
moodCode="EVN"><code code="18719-5" codeSystem="{_LOINC}"/><statusCode code="completed"/>
<entryRelationship typeCode="COMP"><organizer classCode="BATTERY" moodCode="EVN">
<statusCode code="completed"/>{found}</organizer></entryRelationship></act></entry></section></component>
</structuredBody></component></ClinicalDocument>"""


def _day(number: int) -> dt.date:
    return _FIRST_DAY + dt.timedelta(days=number % 300)
