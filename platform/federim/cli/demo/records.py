"""Write a hospital's invented biology and diagnoses as FHIR R4, as a laboratory would send them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from federim.cli.demo.people import TEST_OID, Hospital, Visit
from federim.cli.demo.results import drawn_at, results

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
CIM10 = "http://hl7.org/fhir/sid/icd-10"
IDENTIFIER_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"

LUNG_CANCER = "C34.9"
HYPERTENSION = "I10"


def write_records(folder: Path, hospital: Hospital, visits: list[Visit], *, biology: bool) -> int:
    """Write bulk NDJSON files, one a resource type; return how many resources they hold.

    Parameters
    ----------
    biology : bool
        Whether results come this way too, rather than from a laboratory that speaks HL7 v2.
    """
    resources: dict[str, list[dict[str, Any]]] = {"Patient": [], "Condition": []}
    for index, visit in enumerate(visits):
        reference = f"{hospital.name}-{index:04d}"
        resources["Patient"].append(_patient(reference, visit))
        resources["Condition"].extend(_conditions(reference, visit))
        if biology:
            resources.setdefault("Observation", []).extend(_observations(reference, visit))
    # What every real export has: a fact whose patient is in nobody's register.
    kind = "Observation" if biology else "Condition"
    orphan = {**resources[kind][0], "id": f"{hospital.name}-orphan"}
    resources[kind].append({**orphan, "subject": {"reference": "Patient/nobody"}})
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
    return [
        {
            "resourceType": "Observation",
            "id": f"{reference}-{result.code}",
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
            "code": {"coding": [{"system": LOINC, "code": result.code, "display": result.name}]},
            "subject": {"reference": f"Patient/{reference}"},
            "effectiveDateTime": f"{drawn_at(visit).isoformat()}+01:00",
            "valueQuantity": {
                "value": result.value,
                "unit": result.unit,
                "system": UCUM,
                "code": result.unit,
            },
        }
        for result in results(visit)
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
