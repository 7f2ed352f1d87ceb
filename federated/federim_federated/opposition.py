"""At a site: tell each hub which of its plans a person who objects may have trained a model of."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from federim.governance.rights import outbox
from federim.governance.rights.whereabouts import persons_of
from federim.home import Home
from federim.identity.exchange import Exchange
from federim.identity.rights import Erasure
from federim.keys import canonical
from federim.lake import snapshot
from federim.model.errors import FederimError, HomeError, InputError, NotApproved
from federim.model.identifiers import Pseudonym
from federim.model.training import TrainingPlan
from federim.sealed import seal
from federim_federated import pins, plan_store, project_key
from federim_federated.split import in_test

KIND: Final = "model marks"

_DIGESTS: Final = 8
"""A message has a multiple of as many, made up where there are fewer: its length says little."""


class MarkModels:
    """The step of training plans, while the snapshots they pin still say who was in them."""

    name = "plans"

    def __call__(self, home: Home, erasure: Erasure) -> dict[str, int]:
        by_hub: dict[str, list[str]] = defaultdict(list)
        for digest, plan in _agreed(home):
            if _may_have_trained(home, plan, erasure.persons):
                by_hub[plan.hub].append(digest)
        told = {"plans": 0, "plans_of_hubs_not_trusted": 0}
        for hub, digests in by_hub.items():
            try:
                sealing = home.trust_roots.current(hub).sealing
            except NotApproved:  # whose key was revoked runs nothing here any more, and is told nothing
                told["plans_of_hubs_not_trusted"] += len(digests)
                continue
            if not sealing:
                raise HomeError(
                    f"{hub} must be told and gave no sealing key; have it told (federim trust add), then run "
                    "again"
                )
            outbox.put(home, hub, seal(_message(digests), to=sealing, sender=home, kind=KIND), erasure.id)
            told["plans"] += len(digests)
        return told


def plans_of(home: Home) -> list[tuple[str, str]]:
    """The plans a site agreed to, each with the id of the snapshot that stands for the one it pins."""
    found = []
    for _, plan in _agreed(home):
        try:
            found.append((plan.name, snapshot.load(home, pins.snapshot_id(plan, home.name)).id))
        except FederimError:
            continue
    return found


def parse(content: bytes) -> tuple[list[str], dt.datetime]:
    """The plans' digests that a message tells, those made up among them, and when.

    Raises
    ------
    InputError
        It is of another version.
    """
    try:
        told: dict[str, Any] = json.loads(content)
        return [str(each) for each in told["plans"]], dt.datetime.fromisoformat(told["at"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"the marks are not ones this version understands ({type(error).__name__})"
        ) from None


def _message(digests: list[str]) -> bytes:
    made_up = [secrets.token_hex(32) for _ in range(-len(digests) % _DIGESTS)]
    at = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    return canonical({"plans": sorted([*digests, *made_up]), "at": at})


def _agreed(home: Home) -> Iterator[tuple[str, TrainingPlan]]:
    for path in sorted(home.plans.glob("*.json")):
        try:
            signed = plan_store.read(path)
        except InputError:  # a damaged plan, or another version's, trains nobody
            continue
        if home.name in signed.signatures:
            yield signed.digest, signed.plan


def _may_have_trained(home: Home, plan: TrainingPlan, persons: tuple[Pseudonym, ...]) -> bool:
    """Whether one of these names is in the cohort, on the side that trains as far as can be told."""
    try:
        members = persons_of(home, snapshot.load(home, pins.snapshot_id(plan, home.name)))
    except FederimError:
        return False  # without its snapshot the plan cannot have been run since it was frozen
    named = members.intersection(persons)
    if not named:
        return False
    try:
        key = project_key.read(home, plan.project)
        with Exchange.open(home) as exchange:
            pseudonyms = exchange.project_pseudonyms(sorted(named), key.key, epoch=key.epoch)
    except FederimError:
        return True
    return not all(in_test(key.key, each, plan.test_fraction) for each in pseudonyms.values())
