"""A consortium with synthetic laboratory values: a hub, three sites, and patients two of them share."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from federim.database import migrate
from federim.home import Home, Role
from federim.identity import ins
from federim.identity.exchange import Exchange
from federim.keys import write_private
from federim.lake import snapshot
from federim.lake.tables import Lake
from federim.model.identifiers import (
    IdentityStatus,
    Ipp,
    LocalId,
    NationalId,
    PatientIdentity,
    Pseudonym,
)
from federim.trust.roots import TrustKind
from federim_federated import flower_internals, plan, plan_store, project_key, project_sites
from federim_federated.flower import ConfigRecord, Message, RecordDict
from federim_federated.plan_store import SignedPlan
from federim_federated.records import ARRAYS, CONFIG, to_record
from federim_federated.tasks import learner

SITES = {"alpha": 90, "beta": 80, "gamma": 70}
SHARED = 20  # patients whom both alpha and beta know, by their INS
COHORT = "adults"

PLAN = """
name = "{name}"
project = "lesions"
purpose = "Learn whether two laboratory values tell a lesion."
task = "tabular"
cohort = "adults"
minimum_sites = 2
minimum_cohort = 10
rounds = 6
test_fraction = 0.4
norm_bound = 100.0
seed = 7
expires = {expires}
learning_rate = {{ lowest = 0.01, highest = 1.0, default = 0.5 }}
local_epochs = {{ lowest = 1, highest = 5, default = 2 }}
label = {{ table = "condition_occurrence", code = "C34.1" }}

[[features]]
code = "crp"
unit = "mg/L"

[[features]]
code = "creatinine"
unit = "umol/L"
statistic = "mean"

[sites]
"""


@dataclasses.dataclass(frozen=True)
class Consortium:
    """Homes that trust each other as a deployment would: sites trust the hub."""

    hub: Home
    sites: dict[str, Home]
    pins: dict[str, str]

    def toml(self, name: str, *, expires: dt.date | None = None) -> str:
        """A valid PLAN.toml."""
        last_day = expires or dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)
        return PLAN.format(name=name, expires=last_day) + "".join(
            f'{site} = "{sha256}"\n' for site, sha256 in self.pins.items()
        )

    def drafted(self, name: str) -> SignedPlan:
        """A plan nobody has signed."""
        source = self.hub.root / f"{name}.toml"
        source.write_text(self.toml(name))
        return plan.draft(self.hub, source)

    def agreed(self, name: str, **changes: Any) -> SignedPlan:
        """A plan signed by the hub and by every site, with `changes` to its fields made before."""
        drafted = self.drafted(name)
        changed = SignedPlan(dataclasses.replace(drafted.plan, **changes))
        return self.signed(changed)

    def signed(self, unsigned: SignedPlan) -> SignedPlan:
        """Signatures of all, made without the checks that a committee and a site make first."""
        for home in (self.hub, *self.sites.values()):
            unsigned = unsigned.signed(home.name, home.signing_key.sign(plan.claim(unsigned, home.name)))
        for home in (self.hub, *self.sites.values()):
            plan_store.save(home, unsigned)
        return unsigned

    def train_message(self, signed: SignedPlan, **config: Any) -> Message:
        """What the hub sends a site in the first round."""
        asked = {
            "plan": signed.digest,
            "server-round": 1,
            "learning-rate": 0.5,
            "local-epochs": 2,
            **config,
        }
        arrays = learner(signed.plan.task).initial(signed.plan)
        content = RecordDict({CONFIG: ConfigRecord(asked), ARRAYS: to_record(arrays)})
        return self.message(content, "train")

    def shared_patients(self, site: str) -> list[Pseudonym]:
        """What alpha or beta calls the patients both know, in the same order."""
        with Exchange.open(self.sites[site]) as exchange:
            return [exchange.learn(identity(site, number, linked=True)).person_id for number in range(SHARED)]

    def message(self, content: RecordDict, message_type: str) -> Message:
        """A message to the first site, as it comes off the wire."""
        with flower_internals.server_identity(run_id=1):
            sent = Message(content, dst_node_id=2, message_type=message_type)
        flower_internals.number(sent, "1-1")
        return flower_internals.over_the_wire(sent)


@pytest.fixture(scope="session")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Consortium:
    """Three sites with data, a frozen cohort each; nothing in them is changed but their plans."""
    folder = tmp_path_factory.mktemp("consortium")
    hub = _home(folder, "hub", Role.HUB)
    write_private(folder / "oprf.key", bytes(range(32)))
    sites = {
        name: _home(
            folder, name, Role.SITE, key_server=f"embedded:{folder / 'oprf.key'}", test_identities=True
        )
        for name in SITES
    }
    for name, home in sites.items():
        home.trust("hub", hub.own_key.public, TrustKind.HUB)
        hub.trust(name, home.own_key.public, TrustKind.SITE, sealing=home.own_key.sealing)
        fill(home, SITES[name], shared=SHARED if name in ("alpha", "beta") else 0)
        (home.cohorts / f"{COHORT}.toml").write_text("[person]\nyear_of_birth = { at_least = 1900 }\n")
    pins = {name: snapshot.freeze(home, COHORT).sha256 for name, home in sites.items()}
    founded = Consortium(hub, sites, pins)
    founded.drafted("first")
    plan.sign(hub, "first", actor="ada")
    for name, home in sites.items():
        project_key.install(home, project_sites.seal(hub, "lesions", name, actor="ada"))
    return founded


@pytest.fixture
def plan_name(request: pytest.FixtureRequest) -> Iterator[str]:
    """A name no other test gives a plan, since all share the consortium."""
    yield "p-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]


@pytest.fixture
def alpha(consortium: Consortium) -> Home:
    """The first site."""
    return consortium.sites["alpha"]


def fill(home: Home, persons: int, *, shared: int) -> None:
    """Give a site patients whose CRP is higher where there is a lesion; a fifth have no creatinine."""
    draw = np.random.default_rng(len(home.name) + persons)
    rows: dict[str, list[dict[str, Any]]] = {"person": [], "measurement": [], "condition_occurrence": []}
    with Exchange.open(home) as exchange:
        for number in range(persons):
            person = exchange.learn(identity(home.name, number, linked=number < shared)).person_id
            case = draw.random() < 0.4
            rows["person"].append(
                {
                    "person_id": person,
                    "year_of_birth": 1960,
                    "gender_concept_id": 8507,
                    "site": home.name,
                    "linked": number < shared,
                }
            )
            values = [("crp", "mg/L", 20 + 15 * case + 8 * draw.standard_normal())]
            if number % 5:
                values.append(("creatinine", "umol/L", 80 + 10 * draw.standard_normal()))
            for code, unit, value in values:
                rows["measurement"].append(_measured(person, code, unit, float(value)))
            if case:
                rows["condition_occurrence"].append(_diagnosed(person))
    with Lake(home).writing() as writer:
        writer.commit(rows, {})


def identity(site: str, number: int, *, linked: bool) -> PatientIdentity:
    """Patient `number`; one who is linked has the same INS wherever they go."""
    local = (LocalId(issuer="", value=Ipp(f"{site}-{number}")),)
    if not linked:
        return PatientIdentity(local=local)
    national = NationalId(
        oid=ins.TEST, value=ins.with_key(f"1600175{number:06d}"), status=IdentityStatus.QUALIFIED
    )
    return PatientIdentity(local=local, national=national)


def _home(folder: Path, name: str, role: Role, **settings: Any) -> Home:
    home = Home.create(folder / name, role=role, name=name, **settings)
    migrate(home)
    return home


def _measured(person: str, code: str, unit: str, value: float) -> dict[str, Any]:
    return {
        "person_id": person,
        "measurement_id": hashlib.sha256(f"{person}{code}".encode()).hexdigest()[:32],
        "measurement_concept_id": 0,
        "measurement_source_value": code,
        "measurement_date": dt.date(2024, 3, 1),
        "value_as_number": value,
        "unit": unit,
    }


def _diagnosed(person: str) -> dict[str, Any]:
    return {
        "person_id": person,
        "condition_occurrence_id": hashlib.sha256(f"{person}-lesion".encode()).hexdigest()[:32],
        "condition_concept_id": 0,
        "condition_source_value": "C34.1",
        "condition_start_date": dt.date(2024, 3, 2),
    }
