"""Make everybody known before anything is read: images often come before the records of their patient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol, TypeVar

from federim.home import Home
from federim.identity.enrolment import TokenWanted
from federim.identity.exchange import Exchange
from federim.identity.keyserver import LARGEST_MESSAGE
from federim.model.errors import FederimError, IdentityError, KeyServerAway, Opposed
from federim.model.identifiers import Merge, PatientIdentity, Subject
from federim_pipelines.progress import Watch

T = TypeVar("T")

# As many as one question to the key server may hold, so that a thousand newcomers wait for one answer.
AT_ONCE: Final = LARGEST_MESSAGE


class NamesPersons(Protocol):
    """Input that names persons."""

    def merges(self) -> Iterator[Merge]:
        """Which of them are one."""

    def identities(self) -> Iterator[PatientIdentity]:
        """Who they are."""


@dataclass
class Known:
    """What the first pass came to."""

    # Who gave the numbers that were taken for the site's own, where the site does not list its registers.
    registers: set[str] = field(default_factory=set)
    learned: int = 0
    waiting: int = 0  # whom the key server could not be asked about


def learn_everybody(home: Home, inputs: NamesPersons, watch: Watch, *, until_away: bool = False) -> Known:
    """Have the vault know everybody that `inputs` name, the key server being asked for many at once.

    Whoever is refused, objects or waits is refused, or parked, where the record itself is read.

    Parameters
    ----------
    until_away : bool
        Stop once the key server does not answer.
    """
    known = Known()
    with Exchange.open(home) as exchange:
        # Merges first: a file that was joined to another must not be met as somebody else.
        for merges in _chunks(inputs.merges()):
            _count(known, _joined(exchange, merges), watch)
            if until_away and known.waiting:
                return known
        for identities in _chunks(inputs.identities()):
            told = exchange.learn_many(identities)
            _count(known, told, watch)
            if until_away and known.waiting:
                return known
            if not home.settings.registers:
                known.registers |= {
                    local.authority
                    for identity, one in zip(identities, told, strict=True)
                    for local in identity.local
                    if isinstance(one, Subject) and local.authority and not local.issuer
                }
    return known


def _joined(exchange: Exchange, merges: Sequence[Merge]) -> list[Subject | FederimError]:
    told: list[Subject | FederimError] = []
    with exchange.gathering() as wanted:
        for merge in merges:
            try:
                told.append(exchange.merge(merge))
            except TokenWanted:
                continue
            except (IdentityError, KeyServerAway, Opposed) as error:
                told.append(error)
    return [*told, *exchange.learn_many(wanted)]


def _count(known: Known, told: Iterable[Subject | FederimError], watch: Watch) -> None:
    for one in told:
        known.learned += isinstance(one, Subject)
        known.waiting += isinstance(one, KeyServerAway)
        watch.advance()


def _chunks(values: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, AT_ONCE)):
        yield chunk
