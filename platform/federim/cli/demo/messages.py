"""Write a hospital's invented biology as HL7 v2 messages, as most laboratories send it today."""

from __future__ import annotations

from pathlib import Path

from federim.cli.demo.people import TEST_OID, Hospital, Visit
from federim.cli.demo.results import drawn_at, results


def write_messages(folder: Path, hospital: Hospital, visits: list[Visit]) -> int:
    """Write a file of ORU^R01 messages, one a visit; return how many results they hold.

    References
    ----------
    HL7 v2.5, 7.3.1 (ORU^R01); IHE France, PAM national extension (INS and its status in PID).
    """
    messages = [_message(hospital, visit, number) for number, visit in enumerate(visits, start=1)]
    # What every real interface sends: one message twice, and one that was cut.
    messages += [messages[0], messages[1][: len(messages[1]) // 3]]
    (folder / "results.hl7").write_text("\r\n".join(messages), newline="")
    return sum(message.count("\rOBX|") for message in messages)


def _message(hospital: Hospital, visit: Visit, number: int) -> str:
    patient, name = visit.patient, hospital.name.upper()
    stamp = f"{drawn_at(visit):%Y%m%d%H%M%S}"
    order = f"{name}-{number:05d}^LAB"
    identifiers = f"{visit.ipp}^^^{name}&1.2.250.9999&ISO^PI~{patient.ins}^^^&{TEST_OID}&ISO^INS-NIR"
    segments = [
        f"MSH|^~\\&|LAB|{name}|EDS|{name}|{stamp}||ORU^R01^ORU_R01|{number}|T|2.5|||||FRA|UNICODE UTF-8",
        f"PID|1||{identifiers}||{patient.family}^{patient.given}^^^^^L||{patient.birth:%Y%m%d}|{patient.sex}"
        + "|" * 24
        + "VALI",
        f"ORC|RE||{order}",
        f"OBR|1||{order}|11502-2^Laboratory report^LN|||{stamp}" + "|" * 18 + "F",
    ]
    for place, result in enumerate(results(visit), start=1):
        segments.append(
            f"OBX|{place}|NM|{result.code}^{result.name}^LN||{result.value}|{result.unit}^^UCUM|||||F|||{stamp}"
        )
    return "\r".join(segments) + "\r"
