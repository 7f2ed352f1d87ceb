"""The same made-up person and results as a laboratory, a ward and a radiologist would send them."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NIR = "1.2.250.1.213.1.4.8"
REGISTER = "1.2.250.1.999.1"  # of the hospital that does not exist
CREATININE = "14682-9"
LOINC = "2.16.840.1.113883.6.1"
CCAM = "1.2.250.1.213.2.5"
_TIME = "%Y%m%d%H%M%S"


def ins_of(thirteen: str) -> str:
    """An INS with the key that belongs to its 13 digits."""
    return f"{thirteen}{97 - int(thirteen) % 97:02d}"


@dataclass(frozen=True)
class Someone:
    """A person of nowhere: born abroad, in a commune that has no number."""

    ipp: str
    ins: str
    birth: dt.date
    sex: str = "F"
    family: str = "ESSAI-FICTIF"
    oid: str = NIR
    status: str = "VALI"

    @classmethod
    def born(cls, year: int, month: int, order: int, **said: Any) -> Someone:
        """A woman, the `order`th born in that month, with an INS that says so."""
        ins = ins_of(f"2{year % 100:02d}{month:02d}99999{order:03d}")
        usual: dict[str, Any] = {"ipp": f"F{order:05d}", "ins": ins, "birth": dt.date(year, month, 17)}
        return cls(**usual | said)


@dataclass(frozen=True)
class Result:
    """A creatinine, or what else the code says."""

    at: dt.datetime
    number: float
    unit: str = "umol/L"
    code: str = CREATININE
    name: str = "1"


def fhir_bundle(someone: Someone, results: Sequence[Result]) -> bytes:
    """A collection of one Patient and their Observations."""
    patient = {
        "resourceType": "Patient",
        "id": f"fhir-{someone.ipp}",
        "extension": [
            {
                "url": "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-identity-reliability",
                "extension": [
                    {
                        "url": "identityStatus",
                        "valueCoding": {
                            "system": "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0445",
                            "code": someone.status,
                        },
                    }
                ],
            }
        ],
        "identifier": [
            {
                "type": {"coding": [{"code": "INS-NIR"}]},
                "system": f"urn:oid:{someone.oid}",
                "value": someone.ins,
            }
        ],
        "name": [{"family": someone.family}],
        "gender": {"F": "female", "M": "male"}[someone.sex],
        "birthDate": someone.birth.isoformat(),
    }
    observations = [
        {
            "resourceType": "Observation",
            "id": f"{someone.ipp}-{result.name}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": result.code}]},
            "subject": {"reference": f"Patient/fhir-{someone.ipp}"},
            "effectiveDateTime": result.at.isoformat() + "+02:00",
            "valueQuantity": {"value": result.number, "code": result.unit, "unit": result.unit},
        }
        for result in results
    ]
    entries = [{"resource": resource} for resource in (patient, *observations)]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def oru(someone: Someone, results: Sequence[Result], *, order: str = "C-1") -> bytes:
    """One ORU^R01 of the laboratory, who knows the hospital's number and the INS."""
    segments = [_msh("ORU^R01^ORU_R01", f"M{order}"), _pid(someone), f"ORC|RE|{order}|L{order}"]
    segments.append(f"OBR|1|{order}|L{order}|24323-8^Bilan^LN|||{results[0].at:{_TIME}}")
    segments += [
        f"OBX|{place}|NM|{result.code}^Creatinine^LN||{result.number}|{result.unit}|||||F"
        f"|||{result.at:{_TIME}}"
        for place, result in enumerate(results, 1)
    ]
    return _message(segments)


def admission(someone: Someone, at: dt.datetime, *, stay: str) -> bytes:
    """One ADT^A01."""
    location = f"PV1|1|I|||||||||||||||||{stay}^^^CHU^VN" + "|" * 25 + f"{at:{_TIME}}"
    return _message([_msh("ADT^A01^ADT_A01", f"A{stay}"), f"EVN||{at:{_TIME}}", _pid(someone), location])


def merge(survivor: Someone, retired: Someone) -> bytes:
    """One ADT^A40: the number of `retired` was `survivor`'s all along."""
    prior = f"MRG|{retired.ipp}^^^CHU&{REGISTER}&ISO^PI"
    return _message([_msh("ADT^A40^ADT_A39", "M40"), "EVN||20240101", _pid(survivor), prior])


def embedded(someone: Someone, document: bytes, *, order: str, flags: Sequence[str] = ()) -> bytes:
    """A document sent in an ORU^R01: NW makes it, RO replaces it, CA takes it back; `flags` hide it."""
    told = base64.b64encode(document).decode()
    segments = [_msh("ORU^R01^ORU_R01", f"D{order}"), _pid(someone), f"ORC|{order}|1|2"]
    segments += ["OBR|1|1|2|11502-2^CR^LN", f"OBX|1|ED|11502-2^CR^LN||^TEXT^XML^Base64^{told}||||||F"]
    segments += [
        f"OBX|{place}|CE|{flag}^^MetaDMPMSS||Y^^expandedYes-NoIndicator||||||F"
        for place, flag in enumerate(flags, 2)
    ]
    return _message(segments)


def cda_biology(
    someone: Someone,
    results: Sequence[Result],
    *,
    set_id: str = "1",
    version: int = 1,
    document: str = "",
    replaces: str = "",
) -> bytes:
    """A CR-BIO of one section; without a set it replaces another document by that one's name."""
    found = "".join(
        f"""<component><observation classCode="OBS" moodCode="EVN"><code code="{result.code}"
        codeSystem="{LOINC}"/><statusCode code="completed"/><effectiveTime value="{result.at:{_TIME}}+0200"/>
        <value xsi:type="PQ" value="{result.number}" unit="{result.unit}"/></observation></component>"""
        for result in results
    )
    body = f"""<entry><act classCode="ACT" moodCode="EVN"><code code="18719-5" codeSystem="{LOINC}"/>
    <statusCode code="completed"/><entryRelationship typeCode="COMP"><organizer classCode="BATTERY"
    moodCode="EVN"><statusCode code="completed"/>{found}</organizer></entryRelationship></act></entry>"""
    header = f"""<relatedDocument typeCode="RPLC"><parentDocument><id root="{_root(someone)}"
    extension="{replaces}"/></parentDocument></relatedDocument>"""
    return _cda(
        someone,
        results[0].at,
        "11502-2",
        body,
        set_id=set_id,
        version=version,
        document=document,
        header=header if replaces else "",
    )


def cda_imaging(
    someone: Someone, at: dt.datetime, *, act: str, study: str, accession: str, set_id: str = "img"
) -> bytes:
    """A CR-IMG whose act made one study."""
    header = f"""<inFulfillmentOf><order><id root="1.2.250.1.999.4" extension="{accession}"/>
    <ps3-20:accessionNumber xmlns:ps3-20="urn:dicom-org:ps3-20" root="1.2.250.1.999.4"
    extension="{accession}"/></order></inFulfillmentOf><documentationOf><serviceEvent><id root="{study}"
    extension="studyInstanceUID"/><code code="{act}" codeSystem="{CCAM}"/><effectiveTime>
    <low value="{at:{_TIME}}+0200"/></effectiveTime></serviceEvent></documentationOf>"""
    body = f"""<entry><procedure classCode="PROC" moodCode="EVN"><code code="{act}" codeSystem="{CCAM}"/>
    <statusCode code="completed"/><effectiveTime value="{at:{_TIME}}+0200"/></procedure></entry>"""
    return _cda(someone, at, "18748-4", body, set_id=set_id, version=1, document="", header=header)


def _cda(
    someone: Someone,
    at: dt.datetime,
    code: str,
    body: str,
    *,
    set_id: str,
    version: int,
    document: str,
    header: str,
) -> bytes:
    root = _root(someone)
    in_a_set = f"""<setId root="{root}" extension="{set_id}"/><versionNumber value="{version}"/>"""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<realmCode code="FR"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
<id root="{root}" extension="{document or f"{set_id}-{version}"}"/>
<code code="{code}" codeSystem="{LOINC}"/><effectiveTime value="{at:{_TIME}}+0200"/>
<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>
{in_a_set if set_id else ""}
<recordTarget><patientRole><id extension="{someone.ins}" root="{someone.oid}"/><patient>
<name><family>{someone.family}</family></name><administrativeGenderCode code="{someone.sex}"
codeSystem="2.16.840.1.113883.5.1"/><birthTime value="{someone.birth:%Y%m%d}"/></patient></patientRole>
</recordTarget>{header}<component><structuredBody><component><section>
<code code="18719-5" codeSystem="{LOINC}"/><text>Narrative of {someone.family}</text>{body}</section>
</component></structuredBody></component></ClinicalDocument>""".encode()


def _root(someone: Someone) -> str:
    """What the person's documents are numbered under."""
    return f"1.2.250.1.999.3.{int.from_bytes(someone.ipp.encode())}"


def _msh(kind: str, control: str) -> str:
    return f"MSH|^~\\&|SIL|CHU|FEDERIM|CHU|20240601120000||{kind}|{control}|P|2.5|||||FRA|UNICODE UTF-8"


def _pid(someone: Someone) -> str:
    ins = f"{someone.ins}^^^ASIP-SANTE-INS-NIR&{someone.oid}&ISO^INS"
    before = (
        f"PID|1||{someone.ipp}^^^CHU&{REGISTER}&ISO^PI~{ins}||{someone.family}^TEST||"
        f"{someone.birth:%Y%m%d}|{someone.sex}"
    )
    return before + "|" * (32 - 8) + someone.status


def _message(segments: Sequence[str]) -> bytes:
    return "".join(f"{segment}\r" for segment in segments).encode()
