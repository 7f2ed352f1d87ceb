"""Read an INS: its form, its key, and whether its assigning authority is one this home accepts."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import Final

from federim.model.errors import IdentityError
from federim.model.identifiers import Ins, NationalId, Sex

NIR: Final = "1.2.250.1.213.1.4.8"  # numéro d'inscription au répertoire
NIA: Final = "1.2.250.1.213.1.4.9"  # numéro identifiant d'attente
TEST: Final = "1.2.250.1.213.1.4.10"
DEMO: Final = "1.2.250.1.213.1.4.11"

# Sex, year, month, department (2A and 2B are Corsica), commune, order.
_MATRICULE = re.compile(r"[1-8][0-9]{4}(?:[0-9]{2}|2[AB])[0-9]{6}")
_DEPARTMENT = slice(5, 7)
_CORSICA: Final = {"2A": "19", "2B": "18"}


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
    if len(canonical) != 15:
        raise IdentityError(f"INS: {len(canonical)} characters where 13 and a key of 2 were expected")
    if with_key(canonical[:13]) != canonical:
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
    if national.oid not in (NIR, NIA, TEST, DEMO):
        raise IdentityError(f"INS: the assigning authority is not one of its own; expected {NIR} or {NIA}")
    return replace(national, value=parse(national.value))


def contradictions(value: Ins, *, birth_date: dt.date | None, sex: Sex | None) -> tuple[str, ...]:
    """What a record says otherwise than its INS does: "birth", "sex", both or nothing.

    The month counts where it is one: other numbers stand there when the month of birth is not known, or
    when more were born than its three digits of order can tell apart.

    References
    ----------
    INSEE, Répertoire national d'identification des personnes physiques: the first digit is odd for men.
    """
    said: list[str] = []
    month = int(value[3:5])
    if birth_date is not None and (
        birth_date.year % 100 != int(value[1:3]) or (1 <= month <= 12 and birth_date.month != month)
    ):
        said.append("birth")
    if sex is not None and sex is not (Sex.MALE if int(value[0]) % 2 else Sex.FEMALE):
        said.append("sex")
    return tuple(said)
