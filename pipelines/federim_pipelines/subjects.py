"""Have a reader's subject from the exchange, or the refusal that says why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from federim.identity.enrolment import TokenWanted
from federim.identity.exchange import Exchange
from federim.model.errors import FederimError, IdentityError, KeyServerAway, Opposed, VaultError
from federim.model.identifiers import PatientIdentity, Subject
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

T = TypeVar("T")


class Subjects:
    """The one way from what a record says of its person to the subject it is about.

    What the key server alone can tell is not asked for person by person: `learn` lets `TokenWanted` pass, and
    who reads (`batches.read_batch`) asks for everybody who is `wanted`, then reads again.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._wanted: dict[PatientIdentity, None] = {}
        self._refused: dict[PatientIdentity, FederimError] = {}  # whom asking for did not make a subject

    def learn(self, identity: PatientIdentity, where: str) -> Subject:
        """The subject behind an identity, made if nobody knows it.

        Parameters
        ----------
        where : str
            The element or column that names the person, for the refusal.

        Raises
        ------
        Unusable
            The identifiers are malformed or contradict each other, the person objects, or waits for the key
            server.
        TokenWanted
            Inside `Exchange.gathering`: the key server must be asked first.
        """
        return self._refusing(self._learned, identity, where)

    def find(self, identity: PatientIdentity, where: str) -> Subject | None:
        """The subject behind an identity, or None; otherwise as `learn`, and nobody is made."""
        return self._refusing(self._exchange.find, identity, where)

    def ask(self, others: Iterable[PatientIdentity] = ()) -> None:
        """Ask the key server, once, for whoever was wanted since it was last asked, and for `others`."""
        identities = [*dict.fromkeys((*self._wanted, *others))]
        self._wanted.clear()
        for identity, told in zip(identities, self._exchange.learn_many(identities), strict=True):
            if not isinstance(told, Subject):
                self._refused[identity] = told

    def ask_anew(self) -> None:
        """Forget what the key server would not tell: it may answer now."""
        self._wanted.clear()
        self._refused.clear()

    def _learned(self, identity: PatientIdentity) -> Subject:
        refused = self._refused.get(identity)
        if refused is not None:
            raise refused
        try:
            return self._exchange.learn(identity)
        except TokenWanted:
            self._wanted[identity] = None
            raise

    def _refusing(self, ask: Callable[[PatientIdentity], T], identity: PatientIdentity, where: str) -> T:
        try:
            return ask(identity)
        except KeyServerAway:
            raise Unusable(Reason.PARKED, where) from None
        except Opposed:
            raise Unusable(Reason.OPPOSED, where) from None
        except VaultError:
            raise
        except IdentityError:
            raise Unusable(Reason.IDENTITY_REFUSED, where) from None
