"""Read who a FHIR Patient is: its identifiers, and the references other resources make to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from federim.model.identifiers import IdentityStatus, Ipp, LocalId, PatientIdentity
from federim_pipelines.extract.moments import of_fhir
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.sources import identifiers
from federim_pipelines.sources.fhir.references import canonical_reference
from federim_pipelines.sources.identifiers import Told

FHIR_ISSUER: Final = "fhir"

RELIABILITY: Final = "fr-core-identity-reliability"
# HL7 France's table has no word for "qualified", the code system that came after it has.
TABLE_0445: Final = "v2-0445"

_STATUSES: Final = {status.value: status for status in IdentityStatus}


def identity_of(patient: dict[str, Any], full_url: str = "", issuer: str = "") -> PatientIdentity | None:
    """All identifiers of a Patient; None if it has none that names one person.

    Parameters
    ----------
    full_url : str
        What a bundle's entry calls it.
    issuer : str
        Whose register its numbers of type PI and MR are from, and whose the resource ids; "" is the site.

    References
    ----------
    HL7 FHIR R4, Patient.identifier; HL7 France FR Core, fr-core-patient-ins; HL7 v2 table 0203 (types).
    """
    told = [*_told(patient)]
    own = f"Patient/{patient['id']}" if isinstance(patient.get("id"), str) else ""
    for name in (own, canonical_reference(full_url)):
        told.append(Told(value=name, authority=_ids_of(issuer), types=frozenset()))
    return identifiers.identity_of(
        told,
        status=status_of(patient),
        birth_date=_birth_date(patient),
        sex=identifiers.sex_of(patient.get("gender")),
        issuer=issuer,
    )


def status_of(patient: dict[str, Any]) -> IdentityStatus:
    """How far the identity was checked, from the French extension; provisional where it is not told.

    References
    ----------
    HL7 France FR Core, fr-core-identity-reliability; référentiel national d'identitovigilance.
    """
    codings = [
        part.get("valueCoding", {})
        for extension in patient.get("extension", ())
        if str(extension.get("url", "")).endswith(RELIABILITY)
        for part in extension.get("extension", ())
        if part.get("url") == "identityStatus"
    ]
    of_table = [str(coding.get("code")) for coding in codings if _is_of_table(coding)]
    if of_table:
        return identifiers.reliability(of_table)
    found = (_STATUSES.get(coding.get("code")) for coding in codings)
    return next((status for status in found if status), IdentityStatus.PROVISIONAL)


def referred(reference: dict[str, Any], issuer: str = "") -> PatientIdentity | None:
    """Whom a Reference means: by its literal reference, else by its logical identifier."""
    name = canonical_reference(str(reference.get("reference", "")))
    if name:
        return PatientIdentity(local=(LocalId(issuer=_ids_of(issuer), value=Ipp(name)),))
    if "identifier" not in reference:
        return None
    return identifiers.identity_of(_told({"identifier": [reference["identifier"]]}), issuer=issuer)


def _told(patient: dict[str, Any]) -> Iterator[Told]:
    for identifier in patient.get("identifier", ()):
        value = identifier.get("value")
        if isinstance(value, str):
            codings = identifier.get("type", {}).get("coding", ())
            types = frozenset(coding.get("code") for coding in codings)
            yield Told(value=value, authority=identifier.get("system", ""), types=types)


def _ids_of(issuer: str) -> str:
    """Who issues resource ids: two servers count from 1, so each run's issuer has its own."""
    return f"{FHIR_ISSUER} {issuer}" if issuer else FHIR_ISSUER


def _is_of_table(coding: dict[str, Any]) -> bool:
    return str(coding.get("system", "")).endswith(TABLE_0445)


def _birth_date(patient: dict[str, Any]) -> dt.date | None:
    """The birth date told to the day: a year alone would contradict the month in an INS."""
    with suppress(Unusable):
        return of_fhir(patient, "birthDate").date
    return None
