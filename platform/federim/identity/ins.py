"""Read an INS: its form, its key, its authority, and what it tells of whoever bears it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from typing import Final, NoReturn

from federim.model.errors import IdentityError
from federim.model.identifiers import Ins, NationalId, Sex

NIR: Final = "1.2.250.1.213.1.4.8"  # numéro d'inscription au répertoire
NIA: Final = "1.2.250.1.213.1.4.9"  # numéro identifiant d'attente
TEST: Final = "1.2.250.1.213.1.4.10"
DEMO: Final = "1.2.250.1.213.1.4.11"
AUTHORITIES: Final = {NIR: "NIR", NIA: "NIA", TEST: "NIR, test", DEMO: "NIR, demonstration"}
_INS_C: Final = "1.2.250.1.213.1.4.2"

# Sex, year, month, department (2A and 2B are Corsica), commune, order.
_MATRICULE = re.compile(r"[1-8][0-9]{4}(?:[0-9]{2}|2[AB])[0-9]{6}")
_MATRICULE_LENGTH: Final = 13
_LENGTH: Final = 15
_INS_C_LENGTH: Final = 22
_DEPARTMENT = slice(5, 7)
_CORSICA: Final = {"2A": "19", "2B": "18"}

_PLACE = re.compile(r"(?:[0-9]{2}|2[AB])[0-9]{3}")
_UNKNOWN_PLACES: Final = frozenset({"99999", "00000"})
_ABROAD: Final = "99"
# Which were one, bore another number, or were a part of France at some births (COG; décret 64-754).
_SAME_PLACE: Final = (
    {"20", "2A"},  # Corsica, until 1976
    {"20", "2B"},
    {"75", "92", "93", "94"},  # the Seine, until 1968
    {"78", "91", "92", "93", "94", "95"},  # Seine-et-Oise, until 1968
    {"971", "977", "978"},  # Saint-Barthélemy and Saint-Martin, until 2007
    {"976", "985"},  # Mayotte, until 2011
    {_ABROAD, "91", "92", "93", "94", "95", "96"},  # Algeria, Morocco and Tunisia, until independence
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """What an INS tells of its bearer's birth. Never shown: `repr` holds no value."""

    sex: Sex = field(repr=False)
    year: int = field(repr=False)  # its last two digits
    month: int | None = field(repr=False)  # None where it was not known when the number was given
    territory: str = field(repr=False)  # department, overseas territory (97x, 98x), or 99 for abroad


def with_key(matricule: str) -> Ins:
    """The 15-character INS of a 13-character matricule.

    Raises
    ------
    IdentityError
        The matricule is not 13 characters of the expected form.

    References
    ----------
    Référentiel INS, Agence du numérique en santé: the key is 97 − n mod 97, n being the matricule as
    a number, where 2A counts as 19 and 2B as 18.
    """
    if not _MATRICULE.fullmatch(matricule):
        raise IdentityError(
            "INS: the first 13 characters are not a matricule; expected digits, or 2A or 2B as the department"
        )
    department = matricule[_DEPARTMENT]
    number = int(matricule[: _DEPARTMENT.start] + _CORSICA.get(department, department) + matricule[7:])
    return Ins(f"{matricule}{97 - number % 97:02d}")


def parse(text: str) -> Ins:
    """An INS as people write it, spaces and lower case allowed, in its one canonical form.

    Raises
    ------
    IdentityError
        Not 15 characters, not a matricule, or a key that does not belong to it.
    """
    canonical = "".join(text.split()).upper()
    if len(canonical) != _LENGTH:
        _refuse_length(canonical)
    if with_key(canonical[:_MATRICULE_LENGTH]) != canonical:
        raise IdentityError("INS: its key does not match the 13 characters before it; correct its source")
    return Ins(canonical)


def check(national: NationalId, *, test_identities: bool) -> NationalId:
    """The same identifier in canonical form.

    Parameters
    ----------
    test_identities : bool
        Accept what the test and demonstration authorities assigned.

    Raises
    ------
    IdentityError
        Malformed, or assigned by an authority this home does not accept.
    """
    if national.oid in (TEST, DEMO) and not test_identities:
        raise IdentityError(
            f"INS: assigned by the test or demonstration authority {national.oid}; "
            "only a home with test_identities = true takes it"
        )
    if national.oid == _INS_C:
        raise IdentityError(
            f"INS: {_INS_C} is the authority of the old INS-C, computed from an insurance card and shared by "
            f"mistake; ask the INSi service for the person's INS, which {NIR} or {NIA} assigned"
        )
    if national.oid not in AUTHORITIES:
        raise IdentityError(f"INS: the assigning authority is not one of its own; expected {NIR} or {NIA}")
    return replace(national, value=parse(national.value))


def birth_of(value: Ins) -> Birth:
    """What an INS in canonical form tells of a birth.

    References
    ----------
    INSEE, Répertoire national d'identification des personnes physiques (décret 82-103, article 4): the first
    digit is odd for men, of temporary numbers too; other numbers than a month's stand where it was not known.
    """
    month = int(value[3:5])
    return Birth(
        sex=Sex.MALE if int(value[0]) % 2 else Sex.FEMALE,
        year=int(value[1:3]),
        month=month if 1 <= month <= 12 else None,
        territory=_territory(value[5:10]),
    )


def contradictions(
    value: Ins, *, birth_date: dt.date | None, sex: Sex | None, birth_place: str | None = None
) -> tuple[str, ...]:
    """Which strict traits a record tells otherwise than its INS: of "birth", "sex" and "place".

    Parameters
    ----------
    birth_place : str, optional
        INSEE's code (code officiel géographique): department and commune, or 99 and country. Its department,
        overseas territory or being abroad counts, for communes merge and countries part; what is no such
        code, or that of an unknown place, says nothing.

    References
    ----------
    Référentiel national d'identitovigilance, strict traits.
    """
    told = birth_of(value)
    said: list[str] = []
    if birth_date is not None and (
        birth_date.year % 100 != told.year or told.month not in (None, birth_date.month)
    ):
        said.append("birth")
    if sex not in (None, told.sex):
        said.append("sex")
    place = (birth_place or "").strip().upper()
    if _PLACE.fullmatch(place) and place not in _UNKNOWN_PLACES:
        both = {told.territory, _territory(place)}
        if len(both) > 1 and not any(both <= same for same in _SAME_PLACE):
            said.append("place")
    return tuple(said)


def _territory(place: str) -> str:
    return place[:3] if place.startswith(("97", "98")) else place[:2]


def _refuse_length(canonical: str) -> NoReturn:
    found = f"INS: {len(canonical)} characters"
    if len(canonical) == _MATRICULE_LENGTH:
        raise IdentityError(f"{found}, a matricule without its key of 2; expected both")
    if len(canonical) == _INS_C_LENGTH:
        raise IdentityError(
            f"{found}, as of the old INS-C, computed from an insurance card; expected 13 and a key of 2"
        )
    raise IdentityError(f"{found} where 13 and a key of 2 were expected")
