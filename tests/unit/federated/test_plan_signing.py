"""From PLAN.toml to a plan that a committee and each site have signed."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.audit import trail
from federim.model.errors import HomeError, InputError, NotApproved, UnknownName, VerificationFailed
from federim.model.training import Task
from federim.trust.changes import revoked
from federim.trust.roots import TrustKind
from federim_federated import plan, plan_store
from federim_federated.plan_store import SignedPlan
from federim_federated.tasks import PACKAGE, SHARED_SOURCES, app_hash, learner


def test_a_draft_carries_what_only_the_code_can_say(consortium, plan_name):
    drafted = consortium.drafted(plan_name).plan
    assert drafted.hub == "hub"
    assert drafted.app_sha256 == app_hash(Task.TABULAR)
    assert [message.message_type for message in drafted.messages] == ["query.statistics", "train", "evaluate"]


def test_a_plan_read_back_is_the_plan(consortium, plan_name):
    agreed = consortium.agreed(plan_name)
    path = consortium.hub.plans / f"{plan_name}.json"
    assert plan_store.read(path) == agreed
    assert plan_store.read(path).digest == agreed.digest


def test_the_committee_signs_then_each_site(consortium, plan_name, alpha):
    consortium.drafted(plan_name)
    signed = plan.sign(consortium.hub, plan_name, actor="ada")
    agreed = plan.countersign(alpha, signed, actor="grace")
    plan.check_committee(alpha, agreed)
    plan.check_site(alpha, agreed)
    assert agreed.signatures.keys() == {"hub", "alpha"}
    assert plan_store.find(alpha, agreed.digest) == agreed
    told = [event for event in trail.events(alpha, act="federated.countersign") if event.actor == "grace"]
    assert told[0].detail["digest"] == agreed.digest


@pytest.mark.parametrize(
    ("line", "instead", "says"),
    [
        ("rounds = 6", "rounds = 0", "training plan, rounds: expected 1 to"),
        ("rounds = 6", 'rounds = "six"', "training plan, rounds"),
        ("rounds = 6", "", "training plan, rounds: "),
        ("rounds = 6", "rounds = 6\nround = 6", "training plan, round: no such field"),
        ('unit = "mg/L"', 'unit = "mg/L"\nstatistics = "last"', "training plan, features.0.statistics"),
        ('task = "tabular"', 'task = "tabula"', "training plan, task"),
        ("default = 0.5 }", "default = 5.0 }", "lowest <= default <= highest"),
        ("rounds = 6", "rounds =", "cannot be read as TOML"),
        ("[sites]", "[[sites]]", "sites: expected a table"),
    ],
)
def test_a_plan_that_cannot_be_used_is_refused_by_field(consortium, plan_name, tmp_path, line, instead, says):
    text = consortium.toml(plan_name)
    assert line in text
    source = tmp_path / "plan.toml"
    source.write_text(text.replace(line, instead, 1))
    with pytest.raises(InputError, match=re.escape(says)):
        plan.draft(consortium.hub, source)


def test_a_committee_does_not_sign_what_has_expired(consortium, plan_name, tmp_path):
    source = tmp_path / "plan.toml"
    source.write_text(consortium.toml(plan_name, expires=dt.date(2024, 1, 1)))
    plan.draft(consortium.hub, source)
    with pytest.raises(VerificationFailed, match="expired on 2024-01-01"):
        plan.sign(consortium.hub, plan_name, actor="ada")


def test_a_site_does_not_countersign_what_the_committee_has_not_signed(consortium, plan_name, alpha):
    with pytest.raises(VerificationFailed, match="is not signed by hub"):
        plan.countersign(alpha, consortium.drafted(plan_name), actor="grace")


def test_a_site_does_not_countersign_for_data_it_does_not_hold(consortium, plan_name, alpha):
    agreed = consortium.agreed(plan_name, cohort="children")
    with pytest.raises(UnknownName, match="no snapshot is called"):
        plan.countersign(alpha, agreed, actor="grace")


def test_a_site_does_not_run_code_the_committee_has_not_seen(consortium, plan_name, alpha):
    agreed = consortium.agreed(plan_name, app_sha256="4" * 64)
    with pytest.raises(VerificationFailed, match="is not the code it was drafted for"):
        plan.countersign(alpha, agreed, actor="grace")


def test_only_a_hub_drafts_and_only_a_site_countersigns(consortium, plan_name, alpha):
    agreed = consortium.agreed(plan_name)
    with pytest.raises(HomeError):
        plan.sign(alpha, plan_name, actor="ada")
    with pytest.raises(HomeError):
        plan.countersign(consortium.hub, agreed, actor="grace")


@given(st.data())
def test_any_changed_field_is_another_digest(consortium, data):
    name = "digest-of-a-plan"
    drafted = consortium.drafted(name)
    field = data.draw(st.sampled_from(["rounds", "seed", "minimum_cohort", "purpose", "norm_bound"]))
    before = getattr(drafted.plan, field)
    after = before + "!" if isinstance(before, str) else before + data.draw(st.integers(1, 50))
    assert SignedPlan(dataclasses.replace(drafted.plan, **{field: after})).digest != drafted.digest


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"plan": 3, "signatures": {}}', '{"plan": {}, "signatures": []}']
)
def test_a_file_that_is_no_plan_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "plan.json"
    path.write_text(content)
    with pytest.raises(InputError) as refused:
        plan_store.read(path)
    assert "\n" not in str(refused.value)


def test_a_damaged_plan_does_not_stop_the_others(consortium, plan_name, alpha):
    agreed = consortium.agreed(plan_name)
    damaged = alpha.plans / "a-damaged-one.json"
    damaged.write_text("{")
    assert plan_store.find(alpha, agreed.digest) == agreed
    damaged.unlink()


def test_a_misspelt_plan_suggests_the_nearest(consortium, plan_name):
    consortium.drafted(plan_name)
    with pytest.raises(UnknownName, match=f"did you mean '{plan_name}'"):
        plan_store.load(consortium.hub, plan_name[:-1] + "z")


@pytest.mark.parametrize("task", list(Task))
def test_changed_code_needs_a_new_signature(task, tmp_path):
    for name in (*SHARED_SOURCES, f"tasks/{task.value}.py", *learner(task).SOURCES):
        copy = tmp_path / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((PACKAGE / name).read_bytes())
    assert app_hash(task, tmp_path) == app_hash(task)
    (tmp_path / "client.py").write_bytes((PACKAGE / "client.py").read_bytes() + b"\n")
    assert app_hash(task, tmp_path) != app_hash(task)


@pytest.mark.parametrize("task", list(Task))
def test_the_hash_covers_every_file_that_touches_patients_data(task):
    """Whatever the client imports of this package is in the hash, but for what stands outside it."""
    outside = {"flower.py", "plan_store.py", "project_key.py", "tasks/__init__.py"}
    hashed = {*SHARED_SOURCES, f"tasks/{task.value}.py", *learner(task).SOURCES}
    imported = set()
    for name in hashed:
        text = (PACKAGE / name).read_text()
        for found in re.findall(r"^from federim_federated(?:\.(\w+))? import (.+)$", text, re.MULTILINE):
            modules = [found[0]] if found[0] else re.split(r",\s*", found[1])
            imported |= {f"{module}.py" for module in modules if (PACKAGE / f"{module}.py").exists()}
    assert imported - outside <= hashed


def test_who_is_no_hub_here_stands_for_no_committee(consortium, plan_name, alpha, make_home):
    """Whoever signs: a key known as a site's, or revoked, agrees to nothing."""
    signed, newcomer = consortium.agreed(plan_name), make_home("newcomer")
    newcomer.trust("hub", consortium.hub.own_key.public, TrustKind.SITE)
    with pytest.raises(NotApproved, match="trusts as a site; it takes a committee or hub"):
        plan.check_committee(newcomer, signed)
    newcomer.trust("hub", consortium.hub.own_key.public, TrustKind.COMMITTEE)
    plan.check_committee(newcomer, signed)
    newcomer.change_trust(lambda roots: revoked(roots, "hub", reason="stolen"))
    with pytest.raises(NotApproved, match="revoked"):
        plan.check_committee(newcomer, signed)


def test_a_signed_plan_is_a_file_only_its_owner_reads(consortium, plan_name):
    consortium.agreed(plan_name)
    path = consortium.hub.plans / f"{plan_name}.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert set(json.loads(path.read_text())) == {"plan", "signatures"}
