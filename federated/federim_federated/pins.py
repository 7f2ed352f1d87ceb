"""The snapshot a plan pins at a site, proven to be the one signed for, or its revision."""

from __future__ import annotations

from federim.home import Home
from federim.lake import snapshot
from federim.model.errors import VerificationFailed
from federim.model.training import TrainingPlan


def snapshot_id(plan: TrainingPlan, site: str) -> str:
    """How a site names the snapshot the plan pins there; raise `VerificationFailed` if it pins none."""
    pin = plan.pin(site)
    if pin is None:
        raise VerificationFailed(f"training plan {plan.name} does not name the site {site}")
    return f"{plan.cohort}-{pin.sha256[:12]}"


def pinned(home: Home, plan: TrainingPlan) -> snapshot.Snapshot:
    """This site's snapshot, every file of it hashed again.

    Where persons were taken out since, that is the revision which the site's signed tombstone puts in its
    place.

    Raises
    ------
    UnknownName
        The site has no such snapshot.
    LakeError
        A lake file it pins is gone.
    VerificationFailed
        The plan does not name this site, the snapshot here is neither the one that the plan pins nor its
        revision, or a lake file it pins was changed.
    """
    found = snapshot.load(home, snapshot_id(plan, home.name))
    pin = plan.pin(home.name)
    if pin is None or not snapshot.answers_to(home, found, pin.sha256):
        raise VerificationFailed(f"snapshot {found.id}: not the one that training plan {plan.name} pins")
    return snapshot.verify(home, found)
