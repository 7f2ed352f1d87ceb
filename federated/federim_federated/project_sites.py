"""Which sites a project's key is for, and the key sealed to one of them."""

from __future__ import annotations

from federim.audit import trail
from federim.home import Home, Role
from federim.model.errors import HomeError, InputError, NotApproved, VerificationFailed
from federim.trust.roots import TrustKind
from federim_federated import plan, plan_store, project_key


def approved(hub: Home, project: str) -> frozenset[str]:
    """The sites that a plan of this project names which the hub has signed and which has not expired."""
    sites: set[str] = set()
    for path in hub.plans.glob("*.json"):
        try:
            signed = plan_store.read(path)
            plan.check_hub(hub, signed)
        except (InputError, NotApproved, VerificationFailed):  # nobody has signed it, or it is damaged
            continue
        if signed.plan.project == project and not plan.expired(signed.plan):
            sites.update(pin.site for pin in signed.plan.sites)
    return frozenset(sites)


def seal(hub: Home, project: str, site: str, *, actor: str) -> bytes:
    """The project's key as that site alone can open it.

    Raises
    ------
    NotApproved
        No plan in force of this project names the site, or the hub does not trust it as a site.
    HomeError
        The hub has no key of the project, or does not know the site's sealing key.
    """
    hub.require(Role.HUB)
    key = project_key.read(hub, project)
    if site not in approved(hub, project):
        raise NotApproved(f"no signed plan of project {project} names {site[:40]!r}; its key is not for it")
    root = hub.trust_roots.current(site)
    if root.kind is not TrustKind.SITE:
        raise NotApproved(f"{hub.name} trusts {site} as a {root.kind.value}; a project's key is for sites")
    if not root.sealing:
        raise HomeError(
            f"{hub.name} does not know the sealing key of {site}; ask it for federim trust list, then "
            f"federim trust add {site} PUBLIC --kind site --sealing KEY"
        )
    sealed = project_key.sealed_to(hub, key, root.sealing)
    trail.record(hub, actor, "project.seal", project=project, site=site)
    return sealed
