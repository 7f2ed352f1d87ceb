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
from federim.model.errors import FederimError, IdentityError, KeyServerAway, Opposed, VaultError
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
    away: bool = False  # whether the key server did not answer


def learn_everybody(home: Home, inputs: NamesPersons, watch: Watch, *, until_away: bool = False) -> Known:
    """Have the vault know everybody that `inputs` name, the key server being asked for many at once.

    Whoever is refused, objects or waits is refused, or parked, where the record itself is read.

    Parameters
    ----------
    until_away : bool
        Stop once the key server does not answer.
    """
    with Exchange.open(home) as exchange:
        return _FirstPass(exchange, watch, until_away=until_away).over(home, inputs)


class _FirstPass:
    def __init__(self, exchange: Exchange, watch: Watch, *, until_away: bool) -> None:
        self._exchange = exchange
        self._watch = watch
        self._until_away = until_away
        self._known = Known()

    def over(self, home: Home, inputs: NamesPersons) -> Known:
        known = self._known
        # Merges first: a file that was joined to another must not be met as somebody else.
        waiting = [merge for merges in self._chunks(inputs.merges()) for merge in self._join(merges)]
        for identities in self._chunks(inputs.identities()):
            told = self._exchange.learn_many(identities)
            self._count(told)
            if not home.settings.registers:
                known.registers |= {
                    local.authority
                    for identity, one in zip(identities, told, strict=True)
                    for local in identity.local
                    if isinstance(one, Subject) and local.authority and not local.issuer
                }
        # Of those who waited some do not any more, now that everybody was asked about.
        for merges in self._chunks(waiting):
            self._join(merges)
        known.away = self._exchange.key_server_away
        return known

    def _join(self, merges: Sequence[Merge]) -> list[Merge]:
        """Those of some merges that wait for the key server; the others are done, or refused."""
        told: list[Subject | FederimError] = []
        waiting: list[Merge] = []
        with self._exchange.gathering() as wanted:
            for merge in merges:
                try:
                    told.append(self._exchange.merge(merge))
                except TokenWanted:
                    continue
                except KeyServerAway:
                    waiting.append(merge)
                except VaultError:
                    raise
                except (IdentityError, Opposed) as error:
                    told.append(error)
        self._count([*told, *self._exchange.learn_many(wanted)])
        return waiting

    def _count(self, told: Iterable[Subject | FederimError]) -> None:
        for one in told:
            self._known.learned += isinstance(one, Subject)
            self._watch.advance()

    def _chunks(self, values: Iterable[T]) -> Iterator[list[T]]:
        """As many at once as one question may hold."""
        remaining = iter(values)
        while not (self._until_away and self._exchange.key_server_away) and (
            chunk := list(islice(remaining, AT_ONCE))
        ):
            yield chunk
