"""Identifiers that look alike and must never be mistaken for one another."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

Ins = NewType("Ins", str)
"""Identité nationale de santé: 13 characters and a 2-digit key. Identifying; lives in the vault alone."""

Ipp = NewType("Ipp", str)
"""A local patient identifier (identifiant permanent du patient), unique under its issuer. Identifying."""

Pseudonym = NewType("Pseudonym", str)
"""What stands for a person in a lake or a project: 32 hexadecimal digits that say nothing alone."""

SiteName = NewType("SiteName", str)
"""A hospital or imaging centre, as the consortium spells it."""


class IdentityStatus(StrEnum):
    """How far an INS has been checked (référentiel national d'identitovigilance)."""

    QUALIFIED = "QUAL"  # fetched from the national service, and the person's papers were seen
    VALIDATED = "VALI"  # papers seen, INS not fetched
    RETRIEVED = "RECUP"  # INS fetched, papers not seen
    PROVISIONAL = "PROV"  # neither


class Sex(StrEnum):
    """The administrative sex a record gives, where it is one of the two that an INS knows."""

    MALE = "M"
    FEMALE = "F"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalId:
    """An identifier one institution gave: an IPP, a FHIR resource id, a row's key in a file."""

    issuer: str  # "" is the site's own patient register, what DICOM leaves unsaid
    value: Ipp = field(repr=False)
    # Whom the source names as the issuer of a number it takes for the site's own; a home that lists its
    # registers knows better.
    authority: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NationalId:
    """An INS with its assigning authority and how far it was checked."""

    oid: str
    value: Ins = field(repr=False)
    status: IdentityStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientIdentity:
    """All the identifiers one source gives for one person. Never shown: `repr` holds no value."""

    local: tuple[LocalId, ...] = ()
    national: NationalId | None = None
    # What the record says beside them, held against the INS, which tells sex, year and month of birth.
    birth_date: dt.date | None = field(default=None, repr=False)
    sex: Sex | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.local and self.national is None:
            raise ValueError("an identity needs at least one identifier")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a pipeline may know of a person: a pseudonym and the keys of their dates and UIDs."""

    person_id: Pseudonym
    linked: bool  # pseudonym made from a qualified INS, so the same person is known at other sites
    date_shift_days: int = field(repr=False)
    uid_key: bytes = field(repr=False)
    doubts: tuple[str, ...] = ()  # what the INS contradicts: birth, sex


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """That two identities are one person: `retired` is no longer given to anybody (HL7 v2 ADT^A40)."""

    survivor: PatientIdentity
    retired: PatientIdentity
