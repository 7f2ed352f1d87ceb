"""Found the demonstration's consortium: three sites, a hub, a key server, trust between them, and members."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

from federim import trust_bundle
from federim.cli.demo.people import HOSPITALS
from federim.database import migrate
from federim.governance.members import enrol
from federim.home import Home, Role
from federim.identity.keyserver import create_key_file, open_key_server
from federim.model.errors import HomeError
from federim.model.export import MemberRole
from federim.trust.roots import TrustKind

MARK = ".federim-demo"
COORDINATOR, RESEARCHER, OFFICER = "coordinator", "researcher", "officer"
COMMITTEE = ("member-one", "member-two", "member-three")
COHORT = "chest-ct"


@dataclass(frozen=True, slots=True)
class Consortium:
    """The homes of a demonstration, all in one folder: no deployment would hold two of them together."""

    root: Path
    hub: Home
    sites: tuple[Home, ...]

    @property
    def homes(self) -> tuple[Home, ...]:
        return (*self.sites, self.hub)


def clear(root: Path) -> None:
    """Make `root` an empty folder; an earlier demonstration is removed, anything else refused."""
    if root.exists() and any(root.iterdir()):
        if not (root / MARK).exists():
            raise HomeError(f"{root} holds something that is no demonstration; choose another folder")
        shutil.rmtree(root)
    root.mkdir(parents=True, exist_ok=True)
    (root / MARK).write_text("Made by federim demo: synthetic, and replaced by the next one.\n")


def found(root: Path) -> Consortium:
    """Make the homes, exchange their keys, enrol the members."""
    key_file = root / "keyserver" / "oprf.key"
    key_file.parent.mkdir(mode=0o700)
    create_key_file(key_file)
    hub = Home.create(root / "hub", role=Role.HUB, name="hub")
    (root / "sites").mkdir()
    sites = tuple(
        Home.create(
            root / "sites" / hospital.name,
            role=Role.SITE,
            name=hospital.name,
            key_server=f"embedded:{key_file.absolute()}",
            test_identities=True,
        )
        for hospital in HOSPITALS
    )
    for home in (hub, *sites):
        migrate(home)
    with closing(open_key_server(sites[0])) as key_server:
        epoch = key_server.epochs()[0].public.hex()
    for home in (hub, *sites):
        home.trust("key-server", epoch, TrustKind.KEY_SERVER)
    for site in sites:
        site.trust(hub.name, hub.own_key.public, TrustKind.HUB, sealing=hub.own_key.sealing)
        hub.trust(site.name, site.own_key.public, TrustKind.SITE, sealing=site.own_key.sealing)
        enrol(site, COORDINATOR, COORDINATOR, [MemberRole.COORDINATOR])
        enrol(site, COORDINATOR, OFFICER, [MemberRole.SITE_OFFICER])
        (site.cohorts / f"{COHORT}.toml").write_text(form(COHORT))
    bundle = trust_bundle.export(hub)
    for site in sites:  # who then know where to seal what they tell one another
        site.change_trust(partial(trust_bundle.taken_over, bundle=bundle))
    enrol(hub, COORDINATOR, COORDINATOR, [MemberRole.COORDINATOR])
    enrol(hub, COORDINATOR, RESEARCHER, [MemberRole.RESEARCHER])
    for member in COMMITTEE:
        enrol(hub, COORDINATOR, member, [MemberRole.COMMITTEE])
    return Consortium(root, hub, sites)


def form(name: str) -> str:
    """The text of one of the demonstration's TOML files."""
    return (files("federim.cli.demo") / "forms" / f"{name}.toml").read_text(encoding="utf-8")
