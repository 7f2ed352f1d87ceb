"""Read who a FHIR Patient is: its identifiers, and the references other resources make to it."""

from __future__ import annotations

import re
from typing import Any, Final

from federim.model.identifiers import IdentityStatus, Ins, Ipp, LocalId, NationalId, PatientIdentity

FHIR_ISSUER: Final = "fhir"

INS_AUTHORITIES: Final = tuple(f"1.2.250.1.213.1.4.{arc}" for arc in (8, 9, 10, 11))  # NIR, NIA, test, demo
INS_TYPES: Final = frozenset({"INS-NIR", "INS-NIA"})
REGISTER_TYPES: Final = frozenset({"PI", "MR"})
# Numbers of an insurance policy, which a family shares (in France the NSS, NH, under the INS' authority).
SHARED_TYPES: Final = frozenset({"NH", "MB", "SN"})

RELIABILITY: Final = "fr-core-identity-reliability"
# HL7 France's table 0445 has no word for "qualified": its profile carries an INS beside VALI for just that.
TABLE_0445: Final = "v2-0445"

_STATUSES = {status.value: status for status in IdentityStatus}
_ABSOLUTE = re.compile(r"(?:https?://\S+/)?Patient/([A-Za-z0-9.\-]{1,64})(?:/_history/\S+)?")
_UUID = re.compile(r"urn:(?:uuid:[0-9a-fA-F-]{36}|oid:[0-9.]+)")


def identity_of(patient: dict[str, Any], full_url: str = "") -> PatientIdentity | None:
    """All identifiers of a Patient; None if it has none that names one person.

    Parameters
    ----------
    full_url : str
        What a bundle's entry calls it.

    References
    ----------
    HL7 FHIR R4, Patient.identifier; HL7 France FR Core, fr-core-patient-ins; HL7 v2 table 0203 (types).
    """
    local: dict[LocalId, None] = {}
    national: NationalId | None = None
    for told in patient.get("identifier", ()):
        value, system = told.get("value"), told.get("system", "")
        types = {coding.get("code") for coding in told.get("type", {}).get("coding", ())}
        if not isinstance(value, str) or not value.strip() or types & SHARED_TYPES:
            continue
        authority = system.removeprefix("urn:oid:")
        if authority in INS_AUTHORITIES:
            # One slot: a definitive INS (NIR) is worth more than the one a person waits with (NIA).
            if types & INS_TYPES and (national is None or "INS-NIR" in types):
                national = NationalId(oid=authority, value=Ins(value), status=status_of(patient))
        elif types & REGISTER_TYPES:
            local[LocalId(issuer="", value=Ipp(value))] = None
        elif system:
            local[LocalId(issuer=system, value=Ipp(value))] = None
    if isinstance(patient.get("id"), str):
        local[LocalId(issuer=FHIR_ISSUER, value=Ipp(f"Patient/{patient['id']}"))] = None
    name = canonical_reference(full_url)
    if name:
        local[LocalId(issuer=FHIR_ISSUER, value=Ipp(name))] = None
    if not local and national is None:
        return None
    return PatientIdentity(local=tuple(local), national=national)


def status_of(patient: dict[str, Any]) -> IdentityStatus:
    """How far the identity was checked, from the French extension; provisional where it is not told.

    References
    ----------
    HL7 France FR Core, fr-core-identity-reliability; référentiel national d'identitovigilance.
    """
    for extension in patient.get("extension", ()):
        if not str(extension.get("url", "")).endswith(RELIABILITY):
            continue
        for part in extension.get("extension", ()):
            coding = part.get("valueCoding", {})
            status = _STATUSES.get(coding.get("code"))
            if part.get("url") != "identityStatus" or status is None:
                continue
            if status is IdentityStatus.VALIDATED and str(coding.get("system", "")).endswith(TABLE_0445):
                return IdentityStatus.QUALIFIED
            return status
    return IdentityStatus.PROVISIONAL


def canonical_reference(reference: str) -> str:
    """`Patient/ID` for a relative or absolute reference, `urn:…` as it is, "" for anything else.

    References
    ----------
    HL7 FHIR R4, 2.3.0, Resource References.
    """
    if _UUID.fullmatch(reference):
        return reference.lower()
    match = _ABSOLUTE.fullmatch(reference)
    return f"Patient/{match[1]}" if match else ""


def referred(reference: dict[str, Any]) -> PatientIdentity | None:
    """Whom a Reference means: by its literal reference, else by its logical identifier."""
    name = canonical_reference(str(reference.get("reference", "")))
    if name:
        return PatientIdentity(local=(LocalId(issuer=FHIR_ISSUER, value=Ipp(name)),))
    return identity_of({"identifier": [reference["identifier"]]}) if "identifier" in reference else None
