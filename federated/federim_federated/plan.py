"""Draft a training plan at the hub, sign it for the committee, counter-sign it at each site."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from federim.audit import trail
from federim.home import Home, Role
from federim.keys import canonical
from federim.model.errors import InputError, VerificationFailed
from federim.model.training import TrainingPlan
from federim.trust.roots import DECIDING
from federim_federated import pins, plan_store, project_key
from federim_federated.plan_store import SignedPlan
from federim_federated.tasks import app_hash, learner

WARNING: Final = (
    "What a site sends back is bounded in shape and in size, but a model still carries something of the "
    "persons it learnt from. Only secure aggregation and differential privacy bound how much, and this plan "
    "has neither."
)
"""What the people who sign must have read."""

# What only the code can say; a draft is parsed with these and then gets the task's own.
_UNWRITTEN: Final = {"app_sha256": "0" * 64, "messages": ()}


def draft(hub: Home, source: Path) -> SignedPlan:
    """Read PLAN.toml, add what the task's code declares (messages, hash), keep the unsigned plan at the hub.

    Raises
    ------
    InputError
        The file is not TOML, or a field is missing, unknown or unusable.
    """
    hub.require(Role.HUB)
    try:
        document: dict[str, Any] = tomllib.loads(source.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"plan {source.name} cannot be read as TOML: {error}") from error
    sites = document.get("sites", {})
    if not isinstance(sites, dict):
        raise InputError(f'plan {source.name}, sites: expected a table, site = "sha256 of its snapshot"')
    pinned = [{"site": site, "sha256": sha256} for site, sha256 in sorted(sites.items())]
    plan = plan_store.parse({**_UNWRITTEN, "hub": hub.name, **document, "sites": pinned})
    plan = replace(plan, messages=learner(plan.task).messages(plan), app_sha256=app_hash(plan.task))
    signed = SignedPlan(plan)
    plan_store.save(hub, signed)
    return signed


def sign(hub: Home, name: str, *, actor: str) -> SignedPlan:
    """Sign the plan for the committee, and make its project's key.

    Raises
    ------
    VerificationFailed
        The plan is another hub's, or has expired, or the code here is not the code it was drafted for.
    """
    hub.require(Role.HUB)
    unsigned = plan_store.load(hub, name)
    if unsigned.plan.hub != hub.name:
        raise VerificationFailed(f"plan {name} is for the hub {unsigned.plan.hub} to sign, not {hub.name}")
    check_current(unsigned.plan)
    project_key.create(hub, unsigned.plan.project)
    signed = unsigned.signed(hub.name, hub.signing_key.sign(claim(unsigned, hub.name)))
    plan_store.save(hub, signed)
    trail.record(hub, actor, "federated.sign", plan=name, digest=signed.digest)
    return signed


def countersign(site: Home, signed: SignedPlan, *, actor: str) -> SignedPlan:
    """Agree to a plan at a site, and keep it there: what the gate will admit.

    Raises
    ------
    NotApproved
        Who signed it for the committee is not trusted here to decide.
    VerificationFailed
        The hub's signature is missing or not its own, the plan has expired or does not name this site,
        the snapshot here is not the one it pins, or the code here is not the code it was signed for.
    """
    site.require(Role.SITE)
    check_committee(site, signed)
    check_current(signed.plan)
    pins.pinned(site, signed.plan)
    agreed = signed.signed(site.name, site.signing_key.sign(claim(signed, site.name)))
    plan_store.save(site, agreed)
    trail.record(site, actor, "federated.countersign", plan=signed.plan.name, digest=signed.digest)
    return agreed


def claim(signed: SignedPlan, name: str) -> bytes:
    """The bytes a home signs to agree to a plan."""
    return canonical({"training plan": signed.digest, "agreed by": name})


def check_committee(site: Home, signed: SignedPlan) -> None:
    """Return if the plan's hub, which no site can be, signed it and is trusted to decide.

    Raises
    ------
    NotApproved
        It is not trusted here, or not as a hub or committee.
    VerificationFailed
        It did not sign the plan.
    """
    if signed.plan.hub == site.name:
        raise VerificationFailed(f"plan {signed.plan.name}: a site cannot stand for the committee")
    _check(site, signed, signed.plan.hub)


def check_site(site: Home, signed: SignedPlan) -> None:
    """Raise `VerificationFailed` unless this site itself counter-signed the plan."""
    _check(site, signed, site.name)


def check_hub(hub: Home, signed: SignedPlan) -> None:
    """Raise `VerificationFailed` unless this hub itself signed the plan."""
    _check(hub, signed, hub.name)


def check_current(plan: TrainingPlan) -> None:
    """Raise `VerificationFailed` if the plan has expired, or the task's code has changed since the draft."""
    if expired(plan):
        raise VerificationFailed(
            f"plan {plan.name} expired on {plan.expires}; draft it anew and have it signed"
        )
    if changed(plan):
        raise VerificationFailed(
            f"plan {plan.name}: the code of task {plan.task.value} here is not the code it was drafted for; "
            "install the same version, or draft the plan anew and have it signed"
        )


def expired(plan: TrainingPlan) -> bool:
    """Whether the plan's last day, in UTC, is over."""
    return dt.datetime.now(dt.UTC).date() > plan.expires


def changed(plan: TrainingPlan) -> bool:
    """Whether the code that would run here differs from the code the plan was drafted for."""
    return app_hash(plan.task) != plan.app_sha256


def _check(home: Home, signed: SignedPlan, name: str) -> None:
    signature, what = signed.signatures.get(name), f"plan {signed.plan.name}"
    if signature is None:
        raise VerificationFailed(f"{what} is not signed by {name}")
    # Undated: a plan's own last day bounds how long a key that was replaced counts.
    home.trust_roots.verify(name, signature, claim(signed, name), what=what, kinds=DECIDING)
