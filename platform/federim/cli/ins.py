"""The identité nationale de santé: whether one is sound, asked before it is believed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.context import AsJson, report
from federim.cli.reading import TestIdentities

if TYPE_CHECKING:
    import datetime as dt

    from federim.model.identifiers import IdentityStatus, Sex

ins = typer.Typer(
    help="Identité nationale de santé (INS).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@ins.callback()
def _group() -> None:
    """Keep `check` a word of its own while it is the only one."""


@ins.command()
def check(
    number: Annotated[
        list[str],
        typer.Argument(
            metavar="INS",
            help="13 characters and a key of 2, spaces allowed; - reads it from standard input, "
            "where no list of processes shows it.",
            show_default=False,
        ),
    ],
    oid: Annotated[
        str, typer.Option(help="Assigning authority.", show_default="1.2.250.1.213.1.4.8, NIR")
    ] = "",
    status: Annotated[
        str, typer.Option(help="How far it was checked: QUAL, VALI, RECUP or PROV.", show_default=False)
    ] = "",
    birth_date: Annotated[
        str, typer.Option(help="Birth date of the record it stands in, YYYY-MM-DD.", show_default=False)
    ] = "",
    sex: Annotated[str, typer.Option(help="Sex of that record, M or F.", show_default=False)] = "",
    birth_place: Annotated[
        str,
        typer.Option(
            help="Birth place of that record: INSEE's code of the commune, or 99 and the country's.",
            show_default=False,
        ),
    ] = "",
    *,
    test_identities: TestIdentities = False,
    as_json: AsJson = False,
) -> None:
    """Say whether an INS is sound, and agrees with the record it stands in.

    Needs no home, keeps nothing, and never repeats the number. Only a qualified INS (QUAL) links a person
    across sites; one that contradicts its record links nobody.
    """
    from federim.identity.ins import AUTHORITIES, NIR, birth_of, contradictions
    from federim.identity.ins import check as check_ins
    from federim.model.errors import IdentityError
    from federim.model.identifiers import IdentityStatus, Ins, NationalId

    how_far = _status(status)
    told = NationalId(
        oid=oid or NIR, value=Ins(_number(number)), status=how_far or IdentityStatus.PROVISIONAL
    )
    national = check_ins(told, test_identities=test_identities)
    said = contradictions(
        national.value, birth_date=_date(birth_date), sex=_sex(sex), birth_place=birth_place
    )
    if said:
        raise IdentityError(
            f"INS: sound in itself, but it contradicts the record it stands in ({', '.join(said)}); "
            "correct the record, or ask the INSi service anew"
        )
    birth = birth_of(national.value)
    document = {
        "valid": True,
        "authority": AUTHORITIES[national.oid],
        "sex": birth.sex,
        "birth": {"year": f"{birth.year:02d}", "month": birth.month, "territory": birth.territory},
        "links": None if how_far is None else how_far is IdentityStatus.QUALIFIED,
    }
    month = "month unknown" if birth.month is None else f"month {birth.month:02d}"
    text = (
        f"valid: {AUTHORITIES[national.oid]}, sex {birth.sex}, born in year ..{birth.year:02d}, {month}, "
        f"{'abroad' if birth.territory == '99' else f'department {birth.territory}'}"
    )
    if how_far not in (None, IdentityStatus.QUALIFIED):
        text += "\nIt is not qualified: the person is known at this site alone until it is."
    report(document, text, as_json=as_json)


def _number(parts: list[str]) -> str:
    return sys.stdin.readline() if parts == ["-"] else "".join(parts)


# Typer would quote what it cannot read, and these are a patient's.


def _status(text: str) -> IdentityStatus | None:
    from federim.model.errors import InputError
    from federim.model.identifiers import IdentityStatus

    if not text:
        return None
    try:
        return IdentityStatus(text.upper())
    except ValueError:
        raise InputError("--status: expected QUAL, VALI, RECUP or PROV") from None


def _date(text: str) -> dt.date | None:
    import datetime as dt

    from federim.model.errors import InputError

    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError("--birth-date: expected YYYY-MM-DD") from None


def _sex(text: str) -> Sex | None:
    from federim.model.errors import InputError
    from federim.model.identifiers import Sex

    try:
        return Sex(text.upper()) if text else None
    except ValueError:
        raise InputError("--sex: expected M or F") from None
