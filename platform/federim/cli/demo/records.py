"""Write a hospital's invented biology and diagnoses as FHIR R4, as a laboratory would send them."""

from __future__ import annotations

import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

from federim.cli.demo.people import TEST_OID, Hospital, Visit

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
CIM10 = "http://hl7.org/fhir/sid/icd-10"
IDENTIFIER_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"

# LOINC code, what it is, UCUM unit, mean and deviation without a lesion, shift of the mean at full burden
ANALYTES = (
    ("1988-5", "C reactive protein", "mg/L", 6.0, 5.0, 34.0),
    ("718-7", "Hemoglobin", "g/dL", 14.0, 1.2, -3.2),
    ("2532-0", "Lactate dehydrogenase", "U/L", 190.0, 40.0, 150.0),
    ("1751-7", "Albumin", "g/L", 42.0, 4.0, -11.0),
)
LUNG_CANCER = "C34.9"
HYPERTENSION = "I10"


def write_records(folder: Path, hospital: Hospital, visits: list[Visit]) -> int:
    """Write bulk NDJSON files, one a resource type; return how many resources they hold."""
    resources: dict[str, list[dict[str, Any]]] = {"Patient": [], "Observation": [], "Condition": []}
    for index, visit in enumerate(visits):
        reference = f"{hospital.name}-{index:04d}"
        resources["Patient"].append(_patient(reference, visit))
        resources["Observation"].extend(_observations(reference, visit))
        resources["Condition"].extend(_conditions(reference, visit))
    # What every real export has: a result whose patient is in nobody's register.
    orphan = {**resources["Observation"][0], "id": f"{hospital.name}-orphan"}
    resources["Observation"].append({**orphan, "subject": {"reference": "Patient/nobody"}})
    for kind, rows in resources.items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{kind}.ndjson").write_text(lines)
    return sum(len(rows) for rows in resources.values())


def _patient(reference: str, visit: Visit) -> dict[str, Any]:
    patient = visit.patient
    return {
        "resourceType": "Patient",
        "id": reference,
        "extension": [
            {
                "url": "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-identity-reliability",
                "extension": [
                    {
                        "url": "identityStatus",
                        "valueCoding": {
                            "system": "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0445",
                            "code": "VALI",
                        },
                    }
                ],
            }
        ],
        "identifier": [
            {
                "use": "official",
                "type": {
                    "coding": [
                        {
                            "system": "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203",
                            "code": "INS-NIR",
                        }
                    ]
                },
                "system": f"urn:oid:{TEST_OID}",
                "value": patient.ins,
            },
            {
                "use": "usual",
                "type": {"coding": [{"system": IDENTIFIER_TYPE, "code": "PI"}]},
                "value": visit.ipp,
            },
        ],
        "name": [{"use": "official", "family": patient.family, "given": [patient.given]}],
        "gender": "male" if patient.sex == "M" else "female",
        "birthDate": patient.birth.isoformat(),
    }


def _observations(reference: str, visit: Visit) -> list[dict[str, Any]]:
    dice = random.Random(visit.seed)  # noqa: S311 — repeatability, not secrecy
    drawn = visit.day - dt.timedelta(days=dice.randrange(10))
    return [
        {
            "resourceType": "Observation",
            "id": f"{reference}-{code}",
            "status": "final",
            "category": [
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                            "code": "laboratory",
                        }
                    ]
                }
            ],
            "code": {"coding": [{"system": LOINC, "code": code, "display": name}]},
            "subject": {"reference": f"Patient/{reference}"},
            "effectiveDateTime": f"{drawn.isoformat()}T08:30:00+01:00",
            "valueQuantity": {
                "value": round(max(0.1, dice.gauss(mean + shift * visit.patient.burden, deviation)), 1),
                "unit": unit,
                "system": UCUM,
                "code": unit,
            },
        }
        for code, name, unit, mean, deviation, shift in ANALYTES
    ]


def _conditions(reference: str, visit: Visit) -> list[dict[str, Any]]:
    codes = [LUNG_CANCER] if visit.patient.lesion else []
    if visit.seed % 3 == 0:
        codes.append(HYPERTENSION)
    return [
        {
            "resourceType": "Condition",
            "id": f"{reference}-{code}",
            "clinicalStatus": {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
                ]
            },
            "code": {"coding": [{"system": CIM10, "code": code}]},
            "subject": {"reference": f"Patient/{reference}"},
            "onsetDateTime": (visit.day + dt.timedelta(days=7)).isoformat(),
        }
        for code in codes
    ]
