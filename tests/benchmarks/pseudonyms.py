"""Pseudonyms a second on one core, in turn with the multiplications that the protocol cannot do without."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from federim.home import Home, Role
from federim.identity import ins, linking, ristretto
from federim.identity.exchange import Exchange
from federim.identity.keyserver import EmbeddedKeyServer, KeyServer
from federim.identity.keyserver.founding import found
from federim.identity.keyserver.remote import RemoteKeyServer
from federim.identity.keyserver.sites import Site, SiteList, fingerprint_of
from federim.identity.keyserver.tls import client_context
from federim.identity.subjects import pseudonym
from federim.identity.vault.vault import Vault
from federim.keys import ROOT_KEY_BYTES
from federim.model.identifiers import (
    IdentityStatus,
    Ipp,
    LocalId,
    NationalId,
    PatientIdentity,
    Subject,
)

sys.path.append(str(Path(__file__).parents[1] / "unit/identity/keyserver"))
from consortium_paper import Authority

BATCH: Final = 1000
BATCHES: Final = 5  # a round
_UNLIMITED: Final = 10**9
_LISTENING: Final = re.compile(r"listening on (\S+) port (\d+)")

Measured = tuple[list[float], list[float]]
"""Pseudonyms a second, and the time they took ÷ that of the multiplications, by round."""


class PseudonymBench:
    """New patients in batches of 1,000, this process and the key server's on one core together."""

    def __init__(self, scratch: Path, rounds: int) -> None:
        self.scratch, self.rounds = scratch, rounds
        self._numbers = itertools.count()

    def tokens(self, *, verify: bool) -> Measured:
        """From INS to pseudonym without a vault, the key server in this process."""
        server = EmbeddedKeyServer.of_seed(bytes(range(32)))
        return self._tokens(server, verify=verify)

    def vault(self, *, verify: bool) -> Measured:
        """From identity to subject, every one new to a vault that grows."""
        home = Home.create(
            self.scratch / f"vault-{verify}", role=Role.SITE, name="bench", verify_key_server=verify
        )
        with Exchange(home, Vault.open(home), EmbeddedKeyServer.of_seed(bytes(range(32)))) as exchange:
            return self._learn(exchange)

    def loopback(self, *, verify: bool) -> Measured:
        """From INS to pseudonym, the key server a process of its own behind mutual TLS on loopback."""
        with self._served(f"served-{verify}") as server:
            return self._tokens(server, verify=verify)

    def _tokens(self, server: KeyServer, *, verify: bool) -> Measured:
        key = bytes(ROOT_KEY_BYTES)

        def ask(people: list[PatientIdentity]) -> None:
            told = [one.national for one in people if one.national is not None]
            messages = [linking.message(ins.check(one, test_identities=False)) for one in told]
            tokens = linking.tokens(messages, server, verify=verify)
            if len({pseudonym(key, token) for token in tokens}) != BATCH:
                raise RuntimeError("two persons have one pseudonym")

        return self._measured(ask)

    def _learn(self, exchange: Exchange) -> Measured:
        def learn(people: list[PatientIdentity]) -> None:
            if not all(isinstance(one, Subject) and one.linked for one in exchange.learn_many(people)):
                raise RuntimeError("somebody was not linked")

        return self._measured(learn)

    def _measured(self, act: Callable[[list[PatientIdentity]], None]) -> Measured:
        rates: list[float] = []
        ratios: list[float] = []
        for turn in range(self.rounds + 1):
            batches = [self._people() for _ in range(BATCHES)]
            floor = taken = 0.0
            for people in batches:
                floor += _seconds(_multiplications)
                taken += _seconds(lambda people=people: act(people))
            if turn:
                rates.append(BATCH * BATCHES / taken)
                ratios.append(taken / floor)
        return rates, ratios

    def _people(self) -> list[PatientIdentity]:
        return [_person(number) for number in itertools.islice(self._numbers, BATCH)]

    @contextmanager
    def _served(self, name: str) -> Iterator[RemoteKeyServer]:
        folder = self.scratch / name
        authority = Authority(self.scratch / f"{name}-paper")
        epoch = found(folder)
        own, paper = authority.paper("key-server"), authority.paper("bench")
        site = Site.of_size(
            "bench", _UNLIMITED, per_minute=_UNLIMITED, per_day=_UNLIMITED, ceiling=_UNLIMITED
        )
        SiteList(folder).add(site, fingerprint_of(paper.certificate))
        program = Path(sys.executable).with_name("federim")
        command = [program, "keyserver", "serve", folder, "--port", "0", "--ca", authority.certificate]
        command += ["--certificate", own.certificate, "--key", own.key]
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        ) as process:
            try:
                assert process.stderr is not None
                host, port = next(
                    told.groups() for line in process.stderr if (told := _LISTENING.search(line))
                )
                tls = client_context(paper.certificate, paper.key, authority.certificate)
                server = RemoteKeyServer(f"https://{host}:{port}", tls, [epoch.public])
                yield server
                server.close()
            finally:
                process.terminate()


@contextmanager
def one_core() -> Iterator[None]:
    """Have this process, and those it starts meanwhile, share one core."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _multiplications() -> None:
    """What a batch's three multiplications a person take: to blind, to evaluate, to unblind."""
    scalar, point = ristretto.random_scalar(), ristretto.random_point()
    for _ in range(3 * BATCH):
        ristretto.multiply(scalar, point)


def _person(number: int) -> PatientIdentity:
    national = NationalId(
        oid=ins.NIR, value=ins.with_key(f"27903{number:08d}"), status=IdentityStatus.QUALIFIED
    )
    return PatientIdentity(local=(LocalId(issuer="", value=Ipp(f"{number:010d}")),), national=national)


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
