"""Give the persons of a vault their tokens of a new epoch, so that linkage outlives the key server's keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from federim.identity import linking
from federim.identity.keyserver import LARGEST_MESSAGE, KeyServer
from federim.identity.vault.epochs import Epochs
from federim.identity.vault.tokens import Tokens
from federim.identity.vault.vault import Vault

Progress = Callable[[int, int], object]
"""Told how many persons are done, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reevaluated:
    """What `reevaluate` came to."""

    epoch: int
    evaluated: int  # persons, just now
    ready: int  # persons with a token of that epoch, all in all


def reevaluate(vault: Vault, key_server: KeyServer, progress: Progress, *, verify: bool) -> Reevaluated:
    """See `Exchange.reevaluate`."""
    announced = key_server.epochs()
    Epochs(vault.database).accept({epoch.public: epoch.number for epoch in announced})
    newest = announced[0]
    tokens = Tokens(vault.database, vault.cipher)
    waiting = tokens.count_without(newest.public)
    evaluated, last = 0, ""
    progress(evaluated, waiting)
    while names := tokens.without(newest.public, after=last, most=LARGEST_MESSAGE):
        bearers = tokens.bearers(names)
        messages = [linking.message(bearer.national) for bearer in bearers]
        made = linking.tokens(messages, key_server, newest, verify=verify)
        evaluated += tokens.add(newest.public, list(zip(bearers, made, strict=True)))
        last = names[-1]
        progress(evaluated, waiting)
    return Reevaluated(epoch=newest.number, evaluated=evaluated, ready=tokens.count(newest.public))
