"""Invented patients, and homes that know them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from federim.home import Home, Role
from federim.identity import ins
from federim.identity.exchange import Exchange
from federim.identity.keyserver import create_key_file
from federim.model.identifiers import IdentityStatus, Ins, Ipp, LocalId, NationalId, PatientIdentity

Build = Callable[..., PatientIdentity]


@pytest.fixture
def patient() -> Build:
    """`patient()` is a woman of Ajaccio with an IPP and a qualified INS; every part can be said otherwise."""

    def build(
        *ipp: str,
        matricule: str | None = "285052A004123",
        oid: str = ins.NIR,
        status: IdentityStatus = IdentityStatus.QUALIFIED,
        key: str = "",
    ) -> PatientIdentity:
        local = tuple(LocalId(issuer="", value=Ipp(value)) for value in ipp)
        if matricule is None:
            return PatientIdentity(local=local)
        value = Ins(matricule + key) if key else ins.with_key(matricule)
        return PatientIdentity(local=local, national=NationalId(oid=oid, value=value, status=status))

    return build


@pytest.fixture
def make_site(tmp_path: Path) -> Callable[..., Home]:
    """`make_site("alpha")` is a site whose key server it shares with every other site of the test."""
    shared = tmp_path / "key-server.key"
    create_key_file(shared)

    def build(name: str = "alpha", key_server: str = f"embedded:{shared}", **settings: object) -> Home:
        return Home.create(tmp_path / name, role=Role.SITE, name=name, key_server=key_server, **settings)

    return build


@pytest.fixture
def exchange(make_site: Callable[..., Home]) -> Iterator[Exchange]:
    """The exchange of one new site."""
    with Exchange.open(make_site()) as opened:
        yield opened
