"""Sort the identifiers a source tells of one person: the INS, the site's own register, other registers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from federim.model.identifiers import IdentityStatus, Ins, Ipp, LocalId, NationalId, PatientIdentity, Sex

_ROOT: Final = "1.2.250.1.213.1.4."
INS_AUTHORITIES: Final = frozenset(_ROOT + arc for arc in ("8", "9", "10", "11"))  # NIR, NIA, test, demo
_INS_NAMES: Final = {
    "ASIP-SANTE-INS-NIR": f"{_ROOT}8",
    "ASIP-SANTE-INS-NIA": f"{_ROOT}9",
    "ASIP-SANTE-INS-NIR-TEST": f"{_ROOT}10",
    "ASIP-SANTE-INS-NIR-DEMO": f"{_ROOT}11",
}
_WAITING: Final = f"{_ROOT}9"  # what a person has until a NIR is theirs
_COMPUTED: Final = f"{_ROOT}2"  # INS-C, made from the insurance card: withdrawn, and shared by mistake

INS_TYPES: Final = frozenset({"INS", "INS-NIR", "INS-NIA"})
REGISTER_TYPES: Final = frozenset({"PI", "MR"})
# NH is the NSS, which a family shares and which bears the INS' authority; MB and SN are numbers of a policy.
# AN and VN name a stay, and INS-C was never sure to be one person's.
NOT_A_PERSON: Final = frozenset({"NH", "MB", "SN", "AN", "VN", "INS-C"})

_SEXES: Final = {"M": Sex.MALE, "F": Sex.FEMALE, "male": Sex.MALE, "female": Sex.FEMALE}
_STATUSES: Final = {status.value: status for status in IdentityStatus}
# Said of an identity that is a duplicate or another's, invented, hidden or withdrawn.
_DOUBTS: Final = frozenset(
    {"DOUB", "DPOT", "DOUA", "COLP", "COLV", "USUR", "CACH", "ANOM", "FICT", "DOUT", "DESA", "INVA"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One identifier as a source writes it. Never shown: `repr` holds no value."""

    value: str = field(repr=False)
    authority: str = ""  # OID, with or without `urn:oid:`; else a URI or the authority's name
    types: frozenset[str] | None = None  # HL7 table 0203; None where the format has no place for a type


def identity_of(
    told: Iterable[Told],
    *,
    status: IdentityStatus = IdentityStatus.PROVISIONAL,
    birth_date: dt.date | None = None,
    sex: Sex | None = None,
    issuer: str = "",
) -> PatientIdentity | None:
    """The identity that some identifiers make; None if none of them names one person.

    An INS is one by its authority and, where the format tells types, by its type: the NSS bears the same
    authority. Of several the definitive one counts (NIR before NIA), then the first.
    A number of type PI or MR is the register's own whoever it says gave it, unless another authority's came
    first; one that says neither type nor authority is as well, if the format has no types. Everything else
    belongs to its authority, and without one could be anybody's.

    Parameters
    ----------
    status : IdentityStatus
        How far the INS was checked.
    issuer : str
        Whose register a number is from that does not say; "" is the site's own.

    References
    ----------
    HL7 v2 table 0203; ANS, référentiel INS and CI-SIS (authorities); HL7 France, fr-core-patient-ins.
    """
    local: dict[LocalId, None] = {}
    national: NationalId | None = None
    own: str | None = None  # the authority of the first number of a register
    for one in told:
        value, authority, types = one.value.strip(), authority_of(one.authority), one.types or frozenset()
        if not value or types & NOT_A_PERSON or authority == _COMPUTED:
            continue
        if authority in INS_AUTHORITIES:
            is_ins = one.types is None or bool(types & INS_TYPES)
            if is_ins and (national is None or (national.oid == _WAITING and authority != _WAITING)):
                national = NationalId(oid=authority, value=Ins(value), status=status)
        elif types & REGISTER_TYPES:
            own = authority if own is None else own
            whose = issuer if authority in ("", own) else authority
            local[LocalId(issuer=whose, value=Ipp(value), authority=authority)] = None
        elif authority or one.types is None:
            local[LocalId(issuer=authority or issuer, value=Ipp(value))] = None
    if not local and national is None:
        return None
    return PatientIdentity(local=tuple(local), national=national, birth_date=birth_date, sex=sex)


def authority_of(text: str) -> str:
    """An assigning authority in its one spelling: the OID where it is one or is known by a name."""
    authority = text.strip()
    if authority[: len("urn:oid:")].lower() == "urn:oid:":
        authority = authority[len("urn:oid:") :]
    return _INS_NAMES.get(authority, authority)


def reliability(codes: Iterable[str]) -> IdentityStatus:
    """How far an identity was checked, by the codes of table 0445 beside an INS; provisional if untold.

    The table has no word for "qualified": an INS beside VALI is just that, unless a doubt is told too.

    References
    ----------
    HL7 v2.5, PID-32; IHE France, PAM national extension, table 0445; référentiel national
    d'identitovigilance.
    """
    told = {code.strip().upper() for code in codes}
    if told & _DOUBTS:
        return IdentityStatus.PROVISIONAL
    if IdentityStatus.VALIDATED in told:
        return IdentityStatus.QUALIFIED
    return next((_STATUSES[code] for code in sorted(told) if code in _STATUSES), IdentityStatus.PROVISIONAL)


def sex_of(code: str | None) -> Sex | None:
    """The sex that a code of HL7 v2 or v3, FHIR or DICOM says, None for other codes."""
    return _SEXES.get(code or "")
