"""Find what an export would show of a few persons by subtraction from the project's earlier releases."""

from __future__ import annotations

from contextlib import closing

from federim.database import alias
from federim.governance.models import Release
from federim.home import Home
from federim.lake import snapshot
from federim.lake.reader import query
from federim.lake.snapshot import Snapshot


def findings_against_releases(home: Home, project: str, frozen: Snapshot) -> list[str]:
    """A sentence for each cohort released to `project` before that differs from this one by too few persons.

    Two totals over cohorts that differ by three persons tell the total of those three.
    """
    earlier = (
        Release.objects.using(alias(home))
        .filter(site=home.name, project=project)
        .exclude(cohort_snapshot=frozen.id)
        .values_list("cohort_snapshot", flat=True)
        .distinct()
        .order_by("cohort_snapshot")
    )
    small = home.settings.small_cell
    found = []
    here = _persons(home, frozen) if earlier else frozenset()
    for name in earlier:
        there = _persons(home, snapshot.load(home, name))
        if any(0 < len(only) < small for only in (here - there, there - here)):
            found.append(f"it differs by fewer than {small} persons from snapshot {name}, released before")
    return found


def _persons(home: Home, frozen: Snapshot) -> frozenset[str]:
    with closing(snapshot.connect(home, frozen)) as connection:
        sql = "SELECT DISTINCT person_id FROM cohort_person"
        table = query(connection, sql, seconds=home.settings.query_seconds)
    return frozenset(table["person_id"].to_pylist())
