"""`federim purge`: remove what is too old for good, or say what would go."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.context import Actor, AsJson, open_home, report
from federim.home import Role

if TYPE_CHECKING:
    from federim.governance.retention.record import Purged

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")]


def purge(context: typer.Context, actor: Actor, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Remove what is too old: datasets past their review, facts past the retention period.

    Rows, objects and pinned copies go from the disk, and persons of whom nothing is left from the vault. A
    signed record with counts stays. A run that was stopped is started again with the same words.
    """
    from federim.governance.retention.datasets import LAKE, datasets
    from federim.governance.retention.purge import foresee
    from federim.governance.retention.purge import purge as purge_
    from federim_pipelines.forgetting.beside import forget_persons

    home = open_home(context, Role.SITE)
    today = datetime.now(UTC).date()
    if dry_run:
        found = foresee(home, actor, today=today)
        document, lines = found.as_json(), ["would go:", *_told(found)]
    else:
        done = purge_(home, actor, today=today, beside=[forget_persons])
        document = done.as_json()
        lines = [
            "gone:",
            *_told(done.purged),
            f"{done.rows_left:>9,} expired rows left",
            f"record: {home.purges / done.id}.json",
        ]
    overdue = any(each.name == LAKE and each.overdue(today) for each in datasets(home))
    if overdue:
        lines.append("the lake's own review is overdue: federim retention review lake")
    report({**document, "lake_review_overdue": overdue}, "\n".join(lines), as_json=as_json)


def _told(purged: Purged) -> list[str]:
    return [
        *(f"          snapshot {name}" for name in purged.snapshots),
        *(f"          release {name}" for name in purged.releases),
        *(f"{rows:>9,} rows of {table}" for table, rows in purged.tables.items()),
        f"{purged.objects:>9,} stored objects",
        f"{purged.persons:>9,} persons, and some of {purged.persons_in_part:,} others",
        f"{len(purged.revised):>9,} snapshots revised",
    ]
