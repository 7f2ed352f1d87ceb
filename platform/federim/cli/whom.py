"""The options that name a person, whose numbers need not stand on a command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from federim.model.errors import InputError

if TYPE_CHECKING:
    from federim.home import Home
    from federim.identity.rights import ProjectKey, Rights, Whom

FROM_INPUT: Final = "-"
FROM_FILE: Final = "@"

_HOW = "; - reads it from standard input, @FILE from a file"

InsOption = Annotated[
    str, typer.Option("--ins", help=f"The person's INS, 15 characters{_HOW}.", show_default=False)
]
IppOption = Annotated[
    str, typer.Option("--ipp", help=f"A number an institution gave{_HOW}.", show_default=False)
]
IssuerOption = Annotated[
    str, typer.Option("--issuer", help="Who gave it.", show_default="this site's own register")
]
PseudonymOption = Annotated[
    str,
    typer.Option(
        "--pseudonym", help=f"The person's pseudonym in the lake or in a project{_HOW}.", show_default=False
    ),
]


def named(home: Home, rights: Rights, *, ins: str, ipp: str, issuer: str, pseudonym: str) -> Whom:
    """Whom the options name.

    Raises
    ------
    InputError
        None of them is given, or several are, or what they point at cannot be read.
    IdentityError
        It is no INS, number or pseudonym.
    """
    given = [each for each in (ins, ipp, pseudonym) if each]
    if len(given) != 1:
        raise InputError("name the person by one of --ins, --ipp and --pseudonym")
    if issuer and not ipp:
        raise InputError("--issuer is of --ipp")
    written = _read(given[0])
    if ins:
        return rights.find.by_ins(written)
    if ipp:
        return rights.find.by_ipp(written, issuer)
    return rights.find.by_pseudonym(written, _project_keys(home))


def _read(given: str) -> str:
    """The value itself, or what standard input or a file holds of it."""
    if given == FROM_INPUT:
        return sys.stdin.readline().strip()
    if given.startswith(FROM_FILE):
        path = Path(given.removeprefix(FROM_FILE))
        try:
            return path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read ({type(error).__name__})") from None
    return given.strip()


def _project_keys(home: Home) -> list[ProjectKey]:
    """The keys of the projects this site takes part in."""
    from federim.identity.rights import ProjectKey
    from federim_federated import project_key

    keys = [project_key.read(home, project) for project in project_key.known(home)]
    return [ProjectKey(project=each.project, key=each.key, epoch=each.epoch) for each in keys]
