"""One tree of errors; each kind knows the exit code of the command it ends.

A message says what was found, what was expected, where, and what to do. It never holds a patient's
value: it says table, column, tag, row number or count.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class FederimError(Exception):
    """Anything Federim raises on purpose."""

    exit_code: ClassVar[int] = 1


class UserError(FederimError):
    """Something the reader of the message can put right; shown in one line, without a traceback."""

    exit_code = 1


# 2 is the shell's own word for a command line that cannot be parsed, and Click uses it so.


class HomeError(UserError):
    """The home folder is missing, already there, damaged, or of another role."""

    exit_code = 3


class InputError(UserError):
    """An input file or setting cannot be used as it is."""

    exit_code = 4


class SchemaError(UserError):
    """A table's rows are not what its declaration says."""

    exit_code = 5


class UnknownName(UserError):
    """No table, cohort, snapshot, request … of that name; the message suggests the nearest."""

    exit_code = 6

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(name, names, n=1, cutoff=0.5)
        if near:
            hint = f"did you mean {near[0]!r}?"
        elif names:
            hint = f"known: {', '.join(names[:12])}{' …' if len(names) > 12 else ''}"
        else:
            hint = f"there is no {kind} yet"
        super().__init__(f"no {kind} is called {name!r}; {hint}")
        self._asked = kind, name, tuple(names)

    def __reduce__(self) -> tuple[type[UnknownName], tuple[str, str, tuple[str, ...]]]:
        """As it was made: a worker process hands it to the driver, whose pool would break otherwise."""
        return type(self), self._asked


class LakeError(UserError):
    """The lake is locked by another run, or its files are not as its tables list them."""

    exit_code = 7


class IdentityError(UserError):
    """An identity cannot be read, linked or opened."""

    exit_code = 8


class VaultError(IdentityError):
    """The vault is missing, locked, damaged, or under another key; nothing in it changed."""

    exit_code = 19


class QueryRefused(UserError):
    """A query asks for more than reading the tables it was given."""

    exit_code = 9


class StorageFull(UserError):
    """The disk refused a write; nothing half-written was kept."""

    exit_code = 10


class NotAllowed(UserError):
    """This person may not do that."""

    exit_code = 11


class NotApproved(UserError):
    """No decision in force covers this act."""

    exit_code = 12


class StateRefused(UserError):
    """The request's state does not allow this move."""

    exit_code = 13


class VerificationFailed(UserError):
    """A signature, a hash or a chain does not hold: bytes were changed."""

    exit_code = 14


class GateRefused(UserError):
    """The site's gate refused a training message; the code is public, the reason stays at the site."""

    exit_code = 15


class DisclosureRisk(UserError):
    """What is asked to leave would make a person recognisable."""

    exit_code = 16


class KeyServerAway(UserError):
    """The key server cannot be asked now: new persons wait, parked and encrypted, and nothing is lost."""

    exit_code = 17


class Opposed(UserError):
    """The person objects to the use of their data for research."""

    exit_code = 18


def error_kinds() -> list[type[FederimError]]:
    """Every kind of error of this page, by exit code: the README's table and its test come from here."""
    found: list[type[FederimError]] = []
    queue: list[type[FederimError]] = [FederimError]
    while queue:
        kind = queue.pop(0)
        found.append(kind)
        queue.extend(below for below in kind.__subclasses__() if below.__module__ == __name__)
    return sorted(found, key=lambda kind: (kind.exit_code, kind.__name__ != "FederimError", kind.__name__))
