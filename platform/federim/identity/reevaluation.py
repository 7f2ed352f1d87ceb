"""Give the persons of a vault their tokens of a new epoch, so that linkage survives the key server's keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from federim.identity import linking
from federim.identity.ins import NIA, NIR
from federim.identity.keyserver import LARGEST_MESSAGE, Epoch, KeyServer
from federim.identity.vault.database import marks
from federim.identity.vault.epochs import Epochs
from federim.identity.vault.vault import Vault
from federim.model.errors import IdentityError
from federim.model.identifiers import IdentityStatus, Ins, NationalId, Pseudonym

_BATCH: Final = LARGEST_MESSAGE
# Whose token a person has who has several INS: a waiting number gives way to the number that follows it.
_RANK: Final = {NIR: 0, NIA: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reevaluated:
    """What `reevaluate` has done."""

    epoch: int
    evaluated: int  # persons, just now
    ready: int  # persons with a token of that epoch, all in all


@dataclass(frozen=True, slots=True)
class _Asked:
    person_id: Pseudonym
    national: NationalId
    former: bool  # an INS that another one followed


class Reevaluation:
    """Asks the key server anew for whom the vault knows already."""

    def __init__(self, vault: Vault, key_server: KeyServer, epochs: Epochs, *, verify: bool) -> None:
        self._vault = vault
        self._database = vault.database
        self._cipher = vault.cipher
        self._key_server = key_server
        self._epochs = epochs
        self._verify = verify

    def run(self, progress: Callable[[int, int], object]) -> Reevaluated:
        """See `Exchange.reevaluate`."""
        announced = self._key_server.epochs()
        self._epochs.accept({epoch.public: epoch.number for epoch in announced})
        newest = announced[0]
        waiting = self._count("person_id NOT IN (SELECT person_id FROM token WHERE key_server = ?)", newest)
        evaluated = 0
        for persons in self._batches(newest):
            evaluated += self._evaluate(self._asked(persons), newest)
            progress(evaluated, waiting)
        return Reevaluated(epoch=newest.number, evaluated=evaluated, ready=self._count("key_server = ?", newest))

    def _count(self, condition: str, epoch: Epoch) -> int:
        query = f"SELECT count(DISTINCT person_id) FROM token WHERE {condition}"
        found: int = self._database.rows(query, (epoch.public,))[0][0]
        return found

    def _batches(self, epoch: Epoch) -> Iterator[list[Pseudonym]]:
        """Linked persons without a token of the epoch; each is met once, whatever becomes of them."""
        last = ""
        while True:
            rows = self._database.rows(
                "SELECT DISTINCT person_id FROM token WHERE person_id > ? AND person_id NOT IN "
                f"(SELECT person_id FROM token WHERE key_server = ?) ORDER BY person_id LIMIT {_BATCH}",
                (last, epoch.public),
            )
            if not rows:
                return
            yield [person_id for (person_id,) in rows]
            last = rows[-1][0]

    def _asked(self, persons: Sequence[Pseudonym]) -> list[_Asked]:
        found: dict[Pseudonym, list[NationalId]] = {}
        for names in chunks(persons):
            query = (
                "SELECT person_id, oid, lookup, value FROM identifier "
                f"WHERE oid IS NOT NULL AND person_id IN ({marks(names)})"
            )
            for person_id, oid, lookup, value in self._database.rows(query, names):
                number = Ins(self._cipher.open(value, "identifier.value", lookup.hex()).decode())
                found.setdefault(person_id, []).append(
                    NationalId(oid=oid, value=number, status=IdentityStatus.QUALIFIED)
                )
        return [
            _Asked(person_id, national, former=place > 0)
            for person_id, nationals in found.items()
            for place, national in enumerate(sorted(nationals, key=lambda one: (_RANK.get(one.oid, 2), one.oid)))
        ]
