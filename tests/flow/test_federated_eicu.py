"""Four regions of real hospitals learn who dies in hospital as well as if their rows were in one place."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from federim.database import migrate
from federim.home import Home, Role
from federim.lake import snapshot
from federim.trust.roots import TrustKind
from federim_federated import plan, plan_store, project_key, project_sites, run, site_data
from federim_federated.metrics import auc
from federim_federated.tasks import tabular
from federim_pipelines.run import ingest

REGIONS = ("midwest", "northeast", "south", "west")

# apachepredvar and apachepatientresult hold the outcome, and are never read.
UNITS = {
    "eyes": "{score}",
    "motor": "{score}",
    "verbal": "{score}",
    "temperature": "Cel",
    "heartrate": "/min",
    "respiratoryrate": "/min",
    "meanbp": "mm[Hg]",
    "urine": "mL/d",
    "wbc": "10*3/uL",
    "sodium": "mmol/L",
    "hematocrit": "%",
    "creatinine": "mg/dL",
    "bun": "mg/dL",
    "glucose": "mg/dL",
    "albumin": "g/dL",
    "bilirubin": "mg/dL",
}

MAPPING = """
[[file]]
pattern = "patients.csv"
[file.person]
key = "uniquepid"
sex = { column = "gender", male = ["Male"], female = ["Female"] }
birth = { column = "age", written = "age", year_column = "hospitaldischargeyear", oldest = ["> 89"] }
[file.date]
day = 2015-01-08
[[file.observation]]
column = "hospitaldischargestatus"
code = "discharge-status"
values = ["Alive", "Expired"]

[[file]]
pattern = "day1.csv"
missing = ["", "-1", "-1.0"]
[file.person]
key = "uniquepid"
[file.date]
day = 2015-01-01
""" + "".join(
    f'[[file.measurement]]\ncolumn = "{column}"\ncode = "{column}"\nunit = "{unit}"\n'
    for column, unit in UNITS.items()
)

PLAN = """
name = "mortality"
project = "icu"
purpose = "Foretell death in hospital from the first day's measurements."
task = "tabular"
cohort = "stays"
minimum_sites = 3
minimum_cohort = 10
rounds = 60
test_fraction = 0.35
norm_bound = 50.0
seed = 1
learning_rate = { lowest = 0.01, highest = 1.0, default = 0.5 }
local_epochs = { lowest = 1, highest = 10, default = 5 }
label = { table = "observation", code = "discharge-status", value = "Expired" }
"""


@dataclass(frozen=True)
class Consortium:
    """The hub, and a home for each region."""

    hub: Home
    sites: list[Home]


@pytest.fixture(scope="module")
def last_stays() -> pd.DataFrame:
    """One row a patient: the last stay that has first-day measurements, with its region and outcome."""
    folder = Path(__file__).parents[2] / "../shared/data/eicu-demo-2.0"
    if not folder.is_dir():
        pytest.skip("../shared/data/eicu-demo-2.0 is not here: real files are not part of the project")
    stays = (
        pd.read_csv(folder / "patient.csv")
        .merge(pd.read_csv(folder / "apacheapsvar.csv"), on="patientunitstayid")
        .merge(pd.read_csv(folder / "hospital.csv"), on="hospitalid")
        .dropna(subset=["region", "hospitaldischargestatus"])
        .sort_values(["hospitaldischargeyear", "unitvisitnumber", "patientunitstayid"])
    )
    return stays.drop_duplicates("uniquepid", keep="last")


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory, last_stays: pd.DataFrame) -> Consortium:
    """Each region ingests its own patients, freezes them, and agrees to the plan."""
    folder = tmp_path_factory.mktemp("eicu")
    hub = _home(folder, "hub", Role.HUB)
    sites = [_home(folder, region, Role.SITE) for region in REGIONS]
    for site in sites:
        site.trust("hub", hub.own_key.public, TrustKind.HUB)
        hub.trust(site.name, site.own_key.public, TrustKind.SITE, sealing=site.own_key.sealing)
        source = folder / f"{site.name}-export"
        source.mkdir()
        stays = last_stays[last_stays["region"].str.lower() == site.name]
        stays[["uniquepid", "gender", "age", "hospitaldischargeyear", "hospitaldischargestatus"]].to_csv(
            source / "patients.csv", index=False
        )
        stays[["uniquepid", *UNITS]].to_csv(source / "day1.csv", index=False)
        mapping = folder / f"{site.name}.toml"
        mapping.write_text(MAPPING)
        report = ingest(site, [source], mapping=mapping)
        assert (report.read, report.accepted) == (2, 2)
        (site.cohorts / "stays.toml").write_text("[person]\nyear_of_birth = { at_least = 1900 }\n")
    _agree(folder, hub, sites)
    return Consortium(hub, sites)


def test_the_federated_model_is_as_good_as_the_pooled_one(consortium: Consortium) -> None:
    summary = run.run(consortium.hub, "mortality", consortium.sites, actor="ada")
    assert summary.sites == REGIONS
    agreed = plan_store.load(consortium.hub, "mortality").plan
    data = [site_data.load(site, agreed) for site in consortium.sites]
    train, test = ([getattr(site, side) for site in data] for side in ("train", "test"))
    inputs, labels = (np.concatenate([getattr(part, what) for part in test]) for what in ("inputs", "labels"))
    federated = auc(labels, tabular.score(dict(np.load(summary.model)), inputs))
    pooled = auc(labels, _pooled_scores(train, inputs))
    print(
        f"\nin-hospital death, {sum(map(len, train))} patients train and {len(labels)} test at 4 regions: "
        f"AUC federated {federated:.4f}, pooled {pooled:.4f}; mean of the sites' own {summary.auc:.3f}"
    )
    assert pooled > 0.6, "the features tell something, or the comparison tells nothing"
    assert abs(federated - pooled) <= 0.02


def _pooled_scores(train: list, inputs: np.ndarray) -> np.ndarray:
    """Scikit-learn on all regions' rows at once: what a federation must come close to."""
    rows = np.concatenate([part.inputs for part in train])
    mean, deviation = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)
    standardised = [np.nan_to_num((part - mean) / deviation) for part in (rows, inputs)]
    model = LogisticRegression(max_iter=1000)
    model.fit(standardised[0], np.concatenate([part.labels for part in train]))
    return model.predict_proba(standardised[1])[:, 1]


def _home(folder: Path, name: str, role: Role) -> Home:
    home = Home.create(folder / name, role=role, name=name)
    migrate(home)
    return home


def _agree(folder: Path, hub: Home, sites: list[Home]) -> None:
    last_day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)
    features = "".join(f'[[features]]\ncode = "{code}"\nunit = "{unit}"\n' for code, unit in UNITS.items())
    pins = "".join(f'{site.name} = "{snapshot.freeze(site, "stays").sha256}"\n' for site in sites)
    source = folder / "mortality.toml"
    source.write_text(f"{PLAN}expires = {last_day}\n{features}[sites]\n{pins}")
    plan.draft(hub, source)
    signed = plan.sign(hub, "mortality", actor="committee")
    for site in sites:
        project_key.install(site, project_sites.seal(hub, "icu", site.name, actor="committee"))
        plan.countersign(site, signed, actor="officer")
