"""Write HL7 v2 messages about persons who do not exist."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

from federim_pipelines.items import Outcome

Read = Callable[..., Outcome]
Enter = Callable[[Sequence[bytes]], None]
Rows = Callable[[str], list[dict[str, Any]]]

NIR = "ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.8&ISO"
TEST_INS = "ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO"
NOBODY = "IPP-1^^^CHU&1.2.250.1.999&ISO^PI"


def msh(
    type_: str, sent: str = "20240306120000", *, charset: str = "UNICODE UTF-8", number: str = "1"
) -> str:
    return f"MSH|^~\\&|SIL|LABO|DPI|CHU|{sent}||{type_}|{number}|P|2.5|||||FRA|{charset}"


def pid(identifiers: str = NOBODY, *, birth: str = "19610409", sex: str = "F", status: str = "VALI") -> str:
    return f"PID|1||{identifiers}||QUEFFELEC^MAEL||{birth}|{sex}" + "|" * 24 + status


def pv1(number: str = "V1", *, class_: str = "I", admitted: str = "", left: str = "") -> str:
    return f"PV1|1|{class_}" + "|" * 17 + f"{number}^^^CHU&1&M^VN" + "|" * 25 + f"{admitted}|{left}"


def obr(
    filler: str = "F1", code: str = "24323-8^Bilan^LN", *, at: str = "20240305083000", rest: str = ""
) -> str:
    return f"OBR|1|P1|{filler}^LABO|{code}|||{at}{rest}"


def obx(
    code: str,
    value: str,
    *,
    type_: str = "NM",
    unit: str = "",
    limits: str = "",
    status: str = "F",
    sub_id: str = "",
    at: str = "",
) -> str:
    return f"OBX|1|{type_}|{code}|{sub_id}|{value}|{unit}|{limits}||||{status}|||{at}"


def enclosed(content: bytes, *, code: str = "11502-2^CR^LN", status: str = "F") -> str:
    value = f"^TEXT^XML^Base64^{base64.b64encode(content).decode()}"
    return obx(code, value, type_="ED", status=status)


def flag(name: str, value: str) -> str:
    return obx(f"{name}^x^MetaDMPMSS", f"{value}^^expandedYes-NoIndicator", type_="CE")


def message(*segments: str, end: str = "\r") -> bytes:
    return end.join((*segments, "")).encode()


def oru(
    *observations: str, sent: str = "20240306120000", patient: str | None = None, order: str = ""
) -> bytes:
    return message(msh("ORU^R01^ORU_R01", sent), patient or pid(), order or obr(), *observations)


def every_order(*contents: bytes) -> list[bytes]:
    """The messages in every order they can be read in, each order about another person."""
    return [
        content.replace(b"IPP-1", b"IPP-%d" % number)
        for number, order in enumerate(permutations(contents), start=100)
        for content in order
    ]
