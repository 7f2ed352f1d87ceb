"""Linkage outlives the key server's keys: persons get tokens of each new epoch, and stay who they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from federim.home import Home
from federim.identity import ins
from federim.identity.exchange import Exchange
from federim.identity.keyserver import EmbeddedKeyServer, Epoch, Evaluation
from federim.identity.keyserver.epochs import EpochFolder
from federim.identity.keyserver.founding import found
from federim.identity.reevaluation import Reevaluated
from federim.identity.vault.vault import Vault
from federim.model.errors import IdentityError, KeyServerAway
from federim.model.identifiers import PatientIdentity, Pseudonym

Build = Callable[..., PatientIdentity]
Site = Callable[[str], Home]
PROJECT = bytes([1]) * 32
MATRICULES = [f"2850520041{number:03d}" for number in range(100, 112)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A key server's folder with its first epoch."""
    found(tmp_path / "epochal")
    return tmp_path / "epochal"


@pytest.fixture
def site(make_site: Callable[..., Home], folder: Path) -> Site:
    """`site("alpha")` is a new site that asks the folder's key server."""
    return lambda name: make_site(name, key_server=f"embedded:{folder}")


def in_project(home: Home, persons: Sequence[Pseudonym], epoch: Epoch) -> list[Pseudonym]:
    with Exchange.open(home) as exchange:
        found = exchange.project_pseudonyms(persons, PROJECT, epoch=epoch.public)
    return [found[person] for person in persons]


def learn(home: Home, identities: Sequence[PatientIdentity]) -> list[Pseudonym]:
    with Exchange.open(home) as exchange:
        return [exchange.learn(identity).person_id for identity in identities]


def reevaluate(home: Home) -> Reevaluated:
    with Exchange.open(home) as exchange:
        return exchange.reevaluate()


def test_linkage_outlives_the_first_epochs_key(site: Site, folder: Path, patient: Build) -> None:
    shared = [patient(matricule=matricule) for matricule in MATRICULES]
    alpha, beta = site("alpha"), site("beta")
    at_alpha = learn(alpha, shared)
    at_beta = learn(beta, shared[:6])
    second = EpochFolder(folder).open_next()
    assert [reevaluate(home).evaluated for home in (alpha, beta)] == [12, 6]
    EpochFolder(folder).close(1)
    assert learn(beta, shared[:6]) == at_beta  # who is known is who they were
    at_beta += learn(beta, shared[6:])  # new to beta, in an epoch that alpha's persons were not met in
    assert in_project(alpha, at_alpha, second) == in_project(beta, at_beta, second)


def test_a_project_of_an_earlier_epoch_goes_on(site: Site, folder: Path, patient: Build) -> None:
    [first] = EpochFolder(folder).open_keys()
    home = site("alpha")
    persons = learn(home, [patient(matricule=matricule) for matricule in MATRICULES])
    before = in_project(home, persons, first.epoch)
    second = EpochFolder(folder).open_next()
    with pytest.raises(IdentityError, match="run federim vault reevaluate"):
        in_project(home, persons, second)
    reevaluate(home)
    assert in_project(home, persons, first.epoch) == before
    assert set(in_project(home, persons, second)).isdisjoint(before)


def test_nothing_is_asked_twice(site: Site, folder: Path, patient: Build) -> None:
    home = site("alpha")
    learn(home, [patient(matricule=matricule) for matricule in MATRICULES])
    assert reevaluate(home) == Reevaluated(epoch=1, evaluated=0, ready=12)
    EpochFolder(folder).open_next()
    assert reevaluate(home) == Reevaluated(epoch=2, evaluated=12, ready=12)
    assert reevaluate(home) == Reevaluated(epoch=2, evaluated=0, ready=12)


class LeavesAfter:
    """A key server that is away once it has evaluated some batches."""

    def __init__(self, folder: Path, batches: int) -> None:
        self._inner = EmbeddedKeyServer(EpochFolder(folder).open_keys)
        self._left = batches

    def epochs(self) -> tuple[Epoch, ...]:
        return self._inner.epochs()

    def evaluate(
        self, points: Sequence[bytes], *, epoch: int | None = None, prove: bool = True
    ) -> Evaluation:
        if self._left == 0:
            raise KeyServerAway("gone")
        self._left -= 1
        return self._inner.evaluate(points, epoch=epoch, prove=prove)

    def close(self) -> None:
        """Nothing is held open."""


def test_what_was_done_before_the_key_server_went_away_is_kept(
    site: Site, folder: Path, patient: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = site("alpha")
    learn(home, [patient(matricule=matricule) for matricule in MATRICULES])
    EpochFolder(folder).open_next()
    monkeypatch.setattr("federim.identity.reevaluation.LARGEST_MESSAGE", 5)
    told: list[tuple[int, int]] = []
    with Exchange(home, Vault.open(home), LeavesAfter(folder, batches=2)) as exchange:
        with pytest.raises(KeyServerAway):
            exchange.reevaluate(lambda done, of: told.append((done, of)))
        assert told == [(0, 12), (5, 12), (10, 12)]
    assert reevaluate(home) == Reevaluated(epoch=2, evaluated=2, ready=12)


def test_who_was_followed_by_another_number_is_found_by_both(
    site: Site, folder: Path, patient: Build
) -> None:
    nia = patient("IPP-1", matricule=MATRICULES[0], oid=ins.NIA)
    nir = patient("IPP-1", matricule=MATRICULES[1])
    alpha, beta, gamma = site("alpha"), site("beta"), site("gamma")
    learn(alpha, [nia])
    [person] = learn(alpha, [nir])
    second = EpochFolder(folder).open_next()
    reevaluate(alpha)
    EpochFolder(folder).close(1)
    [by_nir], [by_nia] = learn(beta, [nir]), learn(gamma, [nia])
    assert in_project(alpha, [person], second) == in_project(beta, [by_nir], second)
    [waiting] = in_project(gamma, [by_nia], second)
    assert waiting not in in_project(alpha, [person], second)
    vaults = [Vault.open(home) for home in (alpha, gamma)]
    former, now = (
        {
            vault.cipher.open(token, f"{table}.token", row(person_id, key_server, digest))
            for person_id, key_server, digest, token in vault.database.rows(query)
            if key_server == second.public
        }
        for vault, table, query, row in (
            (
                vaults[0],
                "former_token",
                "SELECT person_id, key_server, digest, token FROM former_token",
                lambda _person, _epoch, digest: digest.hex(),
            ),
            (
                vaults[1],
                "token",
                "SELECT person_id, key_server, key_server, token FROM token",
                lambda person_id, epoch, _digest: f"{person_id}{epoch.hex()}",
            ),
        )
    )
    for vault in vaults:
        vault.close()
    assert former == now


def test_local_persons_are_not_asked_for(site: Site, folder: Path, patient: Build) -> None:
    home = site("alpha")
    learn(home, [patient("IPP-1", matricule=None), patient(matricule=MATRICULES[0])])
    EpochFolder(folder).open_next()
    assert reevaluate(home) == Reevaluated(epoch=2, evaluated=1, ready=1)


def test_an_epoch_that_closed_before_it_was_followed_is_said(
    site: Site, folder: Path, patient: Build
) -> None:
    home = site("alpha")
    learn(home, [patient(matricule=MATRICULES[0])])
    EpochFolder(folder).open_next()
    EpochFolder(folder).close(1)
    with pytest.raises(IdentityError, match="linked by another key server"):
        reevaluate(home)
