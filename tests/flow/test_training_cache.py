"""A series is decoded for training once, and is gone from the cache with whoever leaves the lake."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clinical_messages import Someone, admission
from decoded_hospital import freeze, plan_on, write_series
from typer.testing import CliRunner

from federim.cli.main import app
from federim.cli.rights import places
from federim.governance.rights.erasure import forget
from federim.governance.rights.record import ErasureRecord
from federim.home import Home
from federim.identity.rights import Rights
from federim.lake import images, snapshot
from federim.lake.arrays import kept, names
from federim.lake.arrays.cache import SeriesCache
from federim.lake.arrays.names import Recipe
from federim.lake.maintenance.vacuuming import vacuum
from federim.lake.rewriting import objects_of
from federim.model.identifiers import Pseudonym
from federim.model.training import TrainingPlan
from federim_federated import volumes, watching
from federim_federated.decoding import code_version
from federim_federated.examples import Cohort
from federim_pipelines.run import ingest

pytest.importorskip("zarr", reason="decoded series are kept by Zarr, of the extra `train`")

AT = dt.datetime(2024, 5, 18, 8, 30)
PATIENTS = [Someone.born(1950 + n, 1 + n, 401 + n, ipp=f"IPP-6600{n:04d}") for n in range(4)]
ONE = PATIENTS[1]


class Bar:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.steps = 0

    def stage(self, name: str, total: int | None = None) -> None:
        self.stages.append((name, total))

    def advance(self) -> None:
        self.steps += 1


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with four patients' CT in its lake, known by the hospital's number alone."""
    from federim.database import migrate
    from federim.home import Role

    folder = tmp_path_factory.mktemp("decoded")
    home = Home.create(
        folder / "alpha", role=Role.SITE, name="alpha", training_cache="1GB", test_identities=True
    )
    migrate(home)
    for someone in PATIENTS:
        write_series(folder / "inbox" / someone.ipp, someone)
    assert ingest(home, [folder / "inbox"]).quarantined == 0
    freeze(home)
    return home.root


@pytest.fixture
def site(filled: Path, tmp_path: Path) -> Home:
    return Home.open(shutil.copytree(filled, tmp_path / "alpha"))


@pytest.fixture
def plan(site: Home) -> TrainingPlan:
    (frozen,) = snapshot.every(site)
    return plan_on(frozen)


def without_cache(home: Home) -> Home:
    return replace(home, settings=home.settings.model_copy(update={"training_cache": ""}))


def same(one: Cohort, other: Cohort) -> None:
    assert list(one.person_ids) == list(other.person_ids)
    assert one.inputs.dtype == other.inputs.dtype == np.float32
    np.testing.assert_array_equal(one.inputs, other.inputs)
    np.testing.assert_array_equal(one.labels, other.labels)


def listed(home: Home) -> set[str]:
    """Every array by its path below the cache."""
    return {str(path.relative_to(home.arrays)) for path in kept.arrays(home)}


def objects_told(home: Home) -> set[str]:
    """The hash of every object that any byte of the cache speaks of."""
    told: set[str] = set()
    for path in home.arrays.rglob("zarr.json"):
        told.update(json.loads(path.read_text())["attributes"]["objects"])
    return told


def person_of(home: Home, someone: Someone) -> Pseudonym:
    with Rights.open(home) as rights:
        found = rights.find.by_ipp(someone.ipp).person_id
    assert found is not None
    return found


def forgotten(home: Home, someone: Someone, project: str = "") -> ErasureRecord:
    with Rights.open(home) as rights:
        whom = rights.find.by_ipp(someone.ipp)
        return forget(home, rights, whom, project=project, outside=places(rights), actor="operator")


def test_the_second_epoch_decodes_nothing_and_sees_the_same(
    site: Home, plan: TrainingPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = volumes.read(without_cache(site), plan)
    assert not site.arrays.exists()
    bar = Bar()
    with watching.watched(bar):
        first = volumes.read(site, plan)
    assert (bar.stages, bar.steps) == ([("series of alpha", len(PATIENTS))], len(PATIENTS))
    assert kept.counted(site).arrays == len(PATIENTS)
    with monkeypatch.context() as patched:
        patched.setattr(images, "read", lambda *_: pytest.fail("a series was decoded again"))
        second = volumes.read(site, plan)
    same(plain, first)
    same(plain, second)


def test_a_damaged_array_is_decoded_again(site: Home, plan: TrainingPlan) -> None:
    first = volumes.read(site, plan)
    for array in kept.arrays(site):
        shard = array / "c.0.0.0"
        shard.write_bytes(shard.read_bytes()[:-9])
    same(first, volumes.read(site, plan))
    assert kept.counted(site).arrays == len(PATIENTS)


def test_whoever_is_erased_is_in_no_array(site: Home, plan: TrainingPlan) -> None:
    before = volumes.read(site, plan)
    person = person_of(site, ONE)
    theirs = {Path(path).stem for path in objects_of(site, person)}
    assert theirs <= objects_told(site) and len(listed(site)) == len(PATIENTS)
    cache = SeriesCache(
        site, snapshot.every(site)[0], Recipe(preprocessing=plan.preprocessing, code=code_version())
    )
    done = forgotten(site, ONE)
    assert done.elsewhere["arrays"] == {"arrays": 1}
    assert listed(site) == set()
    assert not theirs & objects_told(site)
    # Whoever had decoded the person before the erasure began and comes to keep it now.
    assert not cache.keep(person, "2.25.1", ["ab/cd.dcm"], before.inputs[0])
    assert listed(site) == set()
    after = volumes.read(site, plan)
    assert person not in after.person_ids and len(listed(site)) == len(PATIENTS) - 1
    same(after, before.without([person]))
    assert not theirs & objects_told(site)


def test_what_a_killed_process_was_keeping_goes_with_the_lakes_own_step(
    site: Home, plan: TrainingPlan
) -> None:
    volumes.read(site, plan)
    part = kept.aside(site)
    shutil.copytree(next(kept.arrays(site)), part)
    with Rights.open(site) as rights:
        whom = rights.find.by_ipp(ONE.ipp)
        forget(site, rights, whom, actor="operator")
    assert not part.exists() and listed(site) == set()


def test_opposition_to_one_project_drops_only_that_persons_arrays(site: Home, plan: TrainingPlan) -> None:
    before = volumes.read(site, plan)
    person, listed_before = person_of(site, ONE), listed(site)
    theirs = {Path(path).stem for path in objects_of(site, person)}
    done = forgotten(site, ONE, project=plan.project)
    assert done.elsewhere["arrays"] == {"arrays": 1}
    left = listed(site)
    assert left < listed_before and len(listed_before - left) == 1
    assert not theirs & objects_told(site)
    same(volumes.read(site, plan, without=[person]), before.without([person]))
    assert listed(site) == left


def test_a_late_link_leaves_no_array_under_the_old_name(site: Home, plan: TrainingPlan, inbox: Path) -> None:
    before = volumes.read(site, plan)
    old = person_of(site, ONE)
    theirs = {Path(path).stem for path in objects_of(site, old)}
    (inbox / "stay.hl7").write_bytes(admission(ONE, AT, stay="S1"))
    ingest(site, [inbox])
    new = person_of(site, ONE)
    assert new != old
    assert listed(site) == set()
    after = volumes.read(site, plan)
    assert set(after.person_ids) == {new, *before.person_ids} - {old}
    assert len(listed(site)) == len(PATIENTS) and not theirs & objects_told(site)
    same(after, volumes.read(without_cache(site), plan))


def test_vacuum_removes_what_is_of_a_snapshot_that_is_gone(site: Home, plan: TrainingPlan) -> None:
    volumes.read(site, plan)
    assert vacuum(site).arrays == 0
    assert len(listed(site)) == len(PATIENTS)
    (frozen,) = snapshot.every(site)
    total = kept.counted(site)
    assert kept.by_snapshot(site) == {frozen.id: total}
    shutil.rmtree(site.snapshots / frozen.id)
    assert kept.by_snapshot(site) == {"": total}
    told = vacuum(site, dry_run=True)
    assert (told.arrays, told.array_bytes) == (len(PATIENTS), total.bytes) and len(listed(site)) == len(
        PATIENTS
    )
    assert vacuum(site).arrays == len(PATIENTS)
    assert not names.of_snapshot(site, frozen.sha256).exists() and listed(site) == set()


def told_by(home: Home, *words: str) -> Any:
    done = CliRunner().invoke(app, ["--home", str(home.root), "federated", "cache", *words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_command_line_tells_and_clears(site: Home, plan: TrainingPlan) -> None:
    volumes.read(site, plan)
    total = kept.counted(site)
    (frozen,) = snapshot.every(site)
    told = told_by(site, "show")
    assert told == {
        **total.as_json(),
        "allowed": 10**9,
        "snapshots": {frozen.id: total.as_json()},
    }
    assert told_by(site, "clear", "--stale")["arrays"] == 0
    assert told_by(site, "clear") == total.as_json()
    assert listed(site) == set()
