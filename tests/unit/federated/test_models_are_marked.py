"""A model that somebody trained who objects since is marked at the hub, and the committee decides on it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from federim.audit import trail
from federim.cli.main import app
from federim.governance.members import enrol
from federim.governance.rights import outbox
from federim.home import Home
from federim.identity.exchange import Exchange
from federim.identity.rights import Erasure, Rights, Word
from federim.model.errors import InputError, NotAllowed, NotApproved, StateRefused, UnknownName
from federim.model.export import MemberRole
from federim.model.identifiers import Pseudonym
from federim.trust.roots import TrustKind
from federim_federated import marks, project_key, run, site_data
from federim_federated.marks import Verdict
from federim_federated.opposition import MarkModels, plans_of
from federim_federated.split import in_test


@pytest.fixture
def hub(consortium: Any, tmp_path: Path) -> Home:
    """A copy of the hub, which may be changed, without what other tests ran."""
    left_out = shutil.ignore_patterns("runs")
    home = Home.open(Path(shutil.copytree(consortium.hub.root, tmp_path / "hub", ignore=left_out)))
    home.runs.mkdir(mode=0o700)
    return home


@pytest.fixture
def site(consortium: Any, hub: Home, tmp_path: Path) -> Home:
    """A copy of the first site, which may seal to the hub, without what other tests agreed to."""
    left_out = shutil.ignore_patterns("plans")
    root = shutil.copytree(consortium.sites["alpha"].root, tmp_path / "alpha", ignore=left_out)
    home = Home.open(Path(root))
    home.plans.mkdir(mode=0o700)
    home.trust("hub", hub.own_key.public, TrustKind.HUB, sealing=hub.own_key.sealing)
    return home


def erasure_of(*persons: Pseudonym) -> Erasure:
    return Erasure(
        id="0" * 16,
        persons=persons,
        word=Word(),
        together=b"",
        actor="olga",
        begun_at="2026-03-02T00:00:00+00:00",
    )


def on_side(consortium: Any, home: Home, fraction: float, *, test: bool) -> Pseudonym:
    """Somebody of alpha's who is kept for testing, or who trains."""
    key = project_key.read(home, "lesions")
    persons = consortium.shared_patients("alpha")
    with Exchange.open(home) as exchange:
        named = exchange.project_pseudonyms(persons, key.key, epoch=key.epoch)
    return next(person for person in persons if in_test(key.key, named[person], fraction) is test)


def test_a_model_is_marked_and_waits_for_the_committee(
    consortium: Any, plan_name: str, hub: Home, site: Home, tmp_path: Path
) -> None:
    agreed = consortium.agreed(plan_name)
    for home in (hub, site):
        shutil.copy(consortium.hub.plans / f"{plan_name}.json", home.plans)
    done = run.run(hub, plan_name, list(consortium.sites.values()), actor="ada")
    assert plan_name in dict(plans_of(site))
    person = on_side(consortium, site, agreed.plan.test_fraction, test=False)
    told = MarkModels()(site, erasure_of(person))
    assert told["plans"] == 1
    [message] = outbox.hand_out(site, tmp_path / "carried")
    assert person.encode() not in message.read_bytes()
    assert marks.take(hub, message, actor="ada") == 1
    assert marks.take(hub, message, actor="ada") == 0, "a message counts once"
    [model] = [each for each in marks.models(hub) if each.run == done.run]
    assert [mark.site for mark in model.marks] == ["alpha"] and model.waits and model.arrays

    # What is trained from now on has the person no more.
    later = run.run(hub, plan_name, list(consortium.sites.values()), actor="ada")
    assert [each.marks for each in marks.models(hub) if each.run == later.run] == [()]

    kept = marks.decide(hub, done.run, Verdict.KEEP, reason="one of 240", actor="carl")
    assert kept.arrays and not kept.waits
    retired = marks.decide(hub, done.run, Verdict.RETRAIN, reason="asked for by the committee", actor="carl")
    assert not retired.arrays and not list(done.model.parent.glob("*.npz"))
    assert [each.verdict for each in retired.decisions] == [Verdict.KEEP, Verdict.RETRAIN]
    [event] = trail.events(hub, act="federated.decide", limit=1)
    assert event.detail == {"run": done.run, "verdict": "retrain"}
    with pytest.raises(StateRefused):
        marks.decide(hub, later.run, Verdict.KEEP, reason="why not", actor="carl")
    with pytest.raises(UnknownName):
        marks.decide(hub, "20260101T000000Z-none-0000", Verdict.KEEP, reason="why not", actor="carl")
    with pytest.raises(InputError):
        marks.decide(hub, done.run, Verdict.KEEP, reason=" ", actor="carl")
    listed = CliRunner().invoke(app, ["--home", str(hub.root), "federated", "models", "--json"])
    found = {each["run"]: each for each in json.loads(listed.stdout)["models"]}
    assert found[done.run]["decisions"][-1]["reason"] == "asked for by the committee"


def test_who_only_tests_marks_no_model(consortium: Any, plan_name: str, site: Home) -> None:
    agreed = consortium.agreed(plan_name)
    shutil.copy(consortium.sites["alpha"].plans / f"{plan_name}.json", site.plans)
    person = on_side(consortium, site, agreed.plan.test_fraction, test=True)
    assert MarkModels()(site, erasure_of(person))["plans"] == 0
    assert outbox.waiting(site) == []


def test_only_a_site_marks_models(consortium: Any, plan_name: str, hub: Home, site: Home) -> None:
    agreed = consortium.agreed(plan_name)
    shutil.copy(consortium.sites["alpha"].plans / f"{plan_name}.json", site.plans)
    person = on_side(consortium, site, agreed.plan.test_fraction, test=False)
    MarkModels()(site, erasure_of(person))
    [message] = outbox.waiting(site)
    hub.change_trust(lambda roots: type(roots)(owner=roots.owner, own=roots.own))
    with pytest.raises(NotApproved):
        marks.take(hub, message, actor="ada")


def test_only_a_coordinator_decides_where_there_are_members(hub: Home) -> None:
    enrol(hub, "carl", "carl", [MemberRole.COORDINATOR])
    enrol(hub, "carl", "mia", [MemberRole.COMMITTEE])
    for actor in ("mia", "nobody"):
        with pytest.raises(NotAllowed):
            marks.decide(hub, "any", Verdict.KEEP, reason="why not", actor=actor)


def test_who_objects_to_the_project_is_in_no_round(consortium: Any, plan_name: str, site: Home) -> None:
    agreed = consortium.agreed(plan_name)
    person = on_side(consortium, site, agreed.plan.test_fraction, test=False)
    before = site_data.load(site, agreed.plan)
    with Rights.open(site) as rights:
        erasure = rights.oppose(rights.find.by_pseudonym(person), Word("lesions"), actor="olga")
        rights.complete(erasure)
    after = site_data.load(site, agreed.plan)
    assert (before.train.persons - after.train.persons, before.test.persons - after.test.persons) == (1, 0)
    with Rights.open(site) as rights:
        rights.restore(rights.find.by_pseudonym(person), Word("lesions"))
    assert site_data.load(site, agreed.plan).train.persons == before.train.persons
    site_data.forget()


def test_a_hub_whose_key_was_revoked_is_told_nothing_and_hinders_nothing(
    consortium: Any, plan_name: str, site: Home
) -> None:
    agreed = consortium.agreed(plan_name)
    shutil.copy(consortium.sites["alpha"].plans / f"{plan_name}.json", site.plans)
    person = on_side(consortium, site, agreed.plan.test_fraction, test=False)
    site.change_trust(lambda roots: type(roots)(owner=roots.owner, own=roots.own))
    told = MarkModels()(site, erasure_of(person))
    assert told == {"plans": 0, "plans_of_hubs_not_trusted": 1}
    assert outbox.waiting(site) == []
