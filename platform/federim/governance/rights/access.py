"""Answer a person's right of access: what is held of them, and where it went."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from federim.audit import trail
from federim.database import alias
from federim.governance.models import Release
from federim.governance.rights import releases
from federim.governance.rights.erasure import check_officer
from federim.governance.rights.whereabouts import snapshots_with
from federim.home import Home
from federim.identity.rights import Held, Rights, Whom
from federim.lake import snapshot
from federim.lake.declaration import Kind
from federim.lake.reader import connect_home, query
from federim.lake.schema import TABLES
from federim.model.errors import FederimError, IdentityError
from federim.model.identifiers import Pseudonym

WorkspacesOf = Callable[[Sequence[Pseudonym]], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class InTable:
    """What one table of the lake holds of a person; days as they were before they were moved."""

    table: str
    rows: int
    first: dt.date | None
    last: dt.date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectReport:
    """What a site holds of one person, and where it went."""

    pseudonym: Pseudonym
    linked: bool
    numbers: dict[str, int]  # how many the vault has, by who gave them
    originals: int
    opposed_to: tuple[str, ...]
    tables: tuple[InTable, ...]
    snapshots: tuple[str, ...]
    releases: tuple[dict[str, Any], ...]
    plans: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        return asdict(self)

    def as_text(self) -> str:
        """The report for the site's officer, who answers the person."""
        opposed_to = ", ".join(each or "all research" for each in self.opposed_to)
        lines = [
            f"pseudonym in the lake  {self.pseudonym}",
            f"known at other sites   {'by the same INS' if self.linked else 'no: this site alone'}",
            f"objects to             {opposed_to or 'nothing'}",
            "",
            "In the vault:",
            *(
                f"{count:>9,} number{'s' * (count > 1)} of {issuer or 'this site'}"
                for issuer, count in self.numbers.items()
            ),
            f"{self.originals:>9,} originals of keyed values",
            "",
            "In the lake:",
            *(f"{each.rows:>9,} {each.table}{_span(each)}" for each in self.tables),
            "",
            "Where it went:",
            *(f"          snapshot {each}" for each in self.snapshots),
            *(f"          training plan {each}" for each in self.plans),
            *(
                f"          release {each['release']} to project {each['project']}, {each['built_at']}"
                for each in self.releases
            ),
        ]
        lines += [f"          workspace {each}" for each in self.workspaces]
        if not (self.snapshots or self.plans or self.workspaces or self.releases):
            lines.append("          nowhere")
        return "\n".join(lines)


def report_on(
    home: Home,
    rights: Rights,
    whom: Whom,
    *,
    plans: Sequence[tuple[str, str]] = (),
    workspaces: WorkspacesOf = lambda _persons: (),
    actor: str,
) -> SubjectReport:
    """What the site holds of a person, in counts, and where it went. It is for the officer who asked.

    Parameters
    ----------
    plans : training plans of this site and the snapshot each pins, by id
    workspaces : what projects' workspaces hold somebody, by their pseudonyms in the lake

    Raises
    ------
    NotAllowed
        The actor is no officer of this site.
    IdentityError
        Nobody is known by that.
    """
    check_officer(home, actor)
    if whom.person_id is None:
        listed = "; who had it objects to research, and nothing is held" if rights.is_listed(whom) else ""
        raise IdentityError(f"nobody is known here by that{listed}")
    held = rights.held(whom.person_id)
    snapshots = snapshots_with(home, held.names)
    ids = {each.id for each in snapshots}
    report = SubjectReport(
        pseudonym=whom.person_id,
        linked=held.linked,
        numbers=dict(held.numbers),
        originals=held.originals,
        opposed_to=held.opposed_to,
        tables=tuple(_tables(home, held)),
        snapshots=tuple(sorted(ids)),
        releases=tuple(_releases(home, ids)),
        plans=tuple(sorted(name for name, pinned in plans if pinned in ids)),
        workspaces=tuple(workspaces(held.names)),
    )
    trail.record(
        home,
        actor,
        "rights.report",
        rows=sum(each.rows for each in report.tables),
        snapshots=len(report.snapshots),
        releases=len(report.releases),
    )
    return report


def _tables(home: Home, held: Held) -> list[InTable]:
    found = []
    with closing(connect_home(home)) as connection:
        for name, table in TABLES.items():
            if not table.person:
                continue
            days = [f'"{column.name}"::DATE' for column in table.columns if column.kind is Kind.DATE]
            sql = (
                f"SELECT count(*) AS rows, {_over('min', days)} AS first, {_over('max', days)} AS last "
                f"FROM {name} "
                "WHERE person_id IN (SELECT unnest($persons))"
            )
            [row] = query(
                connection,
                sql,
                seconds=home.settings.query_seconds,
                parameters={"persons": list(held.names)},
            ).to_pylist()
            if row["rows"]:
                moved = dt.timedelta(days=held.date_shift_days)
                found.append(
                    InTable(
                        table=name,
                        rows=row["rows"],
                        first=row["first"] and row["first"] - moved,
                        last=row["last"] and row["last"] - moved,
                    )
                )
    return found


def _over(aggregate: str, days: Sequence[str]) -> str:
    """The first or last of several columns' days; null where there are none."""
    across = {"min": "least", "max": "greatest"}[aggregate]
    return f"{aggregate}({across}({', '.join(days)}))" if days else "NULL::DATE"


def _releases(home: Home, ids: set[str]) -> list[dict[str, Any]]:
    found = []
    for release in Release.objects.using(alias(home)).filter(site=home.name):
        try:
            stands = snapshot.load(home, release.cohort_snapshot).id
        except FederimError:
            continue
        if stands in ids and not releases.withdrawn(release):
            found.append(
                {
                    "release": release.name,
                    "project": release.project,
                    "built_at": release.built_at.date().isoformat(),
                }
            )
    return found


def _span(each: InTable) -> str:
    return "" if each.first is None else f", {each.first} to {each.last}"
