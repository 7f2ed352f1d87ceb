"""Tell whether a document is hidden from somebody: it is then not used for research."""

from __future__ import annotations

import re
from typing import Final

from federim_pipelines.sources.hl7v2.messages import Message

_RESTRICTED: Final = "TXA-18"

# HL7 v2.5 allows 20 characters for the code, so it was shortened; and it is misspelt in the field.
_FLAGS: Final = {
    "MASQUE_PS": re.compile(r"MASQUE_?PS"),
    "INVISIBLE_PATIENT": re.compile(r"INVISIBLE_?PATIENT"),
    "INVISIBLE_REPRESENTANTS_LEGAUX": re.compile(r"INVISIBLE_?REP[A-Z]*_?LEG[A-Z]*"),
    "CONNEXION_SECRETE": re.compile(r"CONN?EXION_?SECRETE"),
}
# What else is told of a document and of whom it goes to, under the same system of codes.
_HANDLING: Final = re.compile(
    r"MODIF_CONF(IDENTIALITY)?_?CODE|DEST(DMP|MSSANTE(PS|PAT))|ACK_(RECEPTION|LECTURE)(_MSS)?"
    r"|CORPSMAIL_[A-Z]+"
)
_SYSTEM: Final = "METADMPMSS"
_NOT_HIDDEN: Final = frozenset({"N", "NON", "NO", "0", "FALSE"})


def hidden_by(message: Message) -> str | None:
    """The flag that hides a message's documents, in its full spelling, or None.

    A flag that is neither told nor denied hides as well: it was sent for a reason.

    References
    ----------
    ANS, CI-SIS, Transmission de documents CDA-R2 en HL7 v2, OBX of table MetaDMPMSS; HL7 v2.5, 9.6.1.18
    and table 0272 (TXA-18: U usual, R restricted, V very restricted).
    """
    for obx in message.all("OBX"):
        name = flag_of(obx(3))
        if name is not None and obx(5).upper() not in _NOT_HIDDEN:
            return name
    txa = message.first("TXA")
    return _RESTRICTED if txa is not None and txa(18).upper() in ("R", "V") else None


def flag_of(code: str) -> str | None:
    """The full spelling of a flag that hides, None if the code is another."""
    spelling = code.strip().upper()
    return next((name for name, pattern in _FLAGS.items() if pattern.fullmatch(spelling)), None)


def is_handling(code: str, system: str) -> bool:
    """Whether an OBX tells how a document is handled, and nothing of the patient."""
    spelling = code.strip().upper()
    return (
        system.strip().upper() == _SYSTEM
        or flag_of(code) is not None
        or _HANDLING.fullmatch(spelling) is not None
    )
