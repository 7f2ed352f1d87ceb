"""Tell whether a patient or a professional hid a document, or a section of it."""

from __future__ import annotations

from typing import Final

from federim_pipelines.sources.cda.datatypes import children
from federim_pipelines.sources.cda.parsing import Element

# Unrestricted, low, moderate and normal; restricted and very restricted are not for research.
_OPEN: Final = frozenset({"U", "L", "M", "N"})
_HIDING: Final = frozenset(
    {"R", "V", "MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX", "CONNEXION_SECRETE"}
)


def hiding_flag(element: Element) -> str:
    """The confidentialityCode that hides a document or section; "" if none does.

    A code nobody knows hides as well, and so does one that is masked: what is meant by it cannot be told.

    References
    ----------
    HL7 v3 code system Confidentiality (2.16.840.1.113883.5.25); ANS CI-SIS, JDV_J13-ConfidentialityCode.
    """
    for told in children(element, "confidentialityCode"):
        code = told.get("code", "")
        if code not in _OPEN:
            return f"confidentialityCode {code}" if code in _HIDING else "confidentialityCode"
    return ""
