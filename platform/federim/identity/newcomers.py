"""Make persons of those the vault does not know: linked ones through the key server, all in one exchange."""

from __future__ import annotations

from collections.abc import Sequence

from federim.home import Home
from federim.identity import linking
from federim.identity.keyserver import Epoch, KeyServer
from federim.identity.subjects import pseudonym
from federim.identity.vault.epochs import Epochs
from federim.identity.vault.people import Person
from federim.keys import keyed
from federim.model.identifiers import LocalId, NationalId


class Newcomers:
    """Who a person unknown so far will be."""

    def __init__(self, home: Home, key_server: KeyServer, epochs: Epochs) -> None:
        self._key_server = key_server
        self._epochs = epochs
        self._person_key = home.secret("person-id")
        self._local_key = home.secret("local-identity")
        self._verify = home.settings.verify_key_server
        self._open: tuple[Epoch, ...] = ()

    def local(self, first: LocalId) -> Person:
        """A person of this site alone, known by a number it gave."""
        seed = keyed(self._local_key, first.issuer, first.value)
        return Person(person_id=pseudonym(self._person_key, seed), seed=seed)

    def linked(self, nationals: Sequence[NationalId]) -> list[Person]:
        """Persons whom every site recognises that asks the same key server, in the order given.

        Raises
        ------
        KeyServerAway
            It cannot be asked now.
        IdentityError
            It is another one than before, or its proof does not hold.
        """
        if not nationals:
            return []
        messages = [linking.message(national) for national in nationals]
        by_epoch = {
            epoch.public: linking.tokens(messages, self._key_server, epoch=epoch, verify=self._verify)
            for epoch in self._accepted()
        }
        # The oldest open epoch: sites that met the person before it closes have their seed from it too.
        seeds = next(reversed(by_epoch.values()))
        return [
            Person(
                person_id=pseudonym(self._person_key, seed),
                seed=seed,
                tokens={public: tokens[place] for public, tokens in by_epoch.items()},
            )
            for place, seed in enumerate(seeds)
        ]

    def _accepted(self) -> tuple[Epoch, ...]:
        """The open epochs, the newest first; asked for once, since one that closes meanwhile refuses."""
        if not self._open:
            announced = self._key_server.epochs()
            self._epochs.accept({epoch.public: epoch.number for epoch in announced})
            self._open = announced
        return self._open
