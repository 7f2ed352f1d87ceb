"""Say who is in a snapshot, and which snapshots somebody is in."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow.parquet as pq

from federim.home import Home
from federim.lake import snapshot
from federim.lake.snapshot import Snapshot
from federim.lake.snapshot_tables import COHORT_PERSON
from federim.model.identifiers import Pseudonym


def persons_of(home: Home, frozen: Snapshot) -> frozenset[Pseudonym]:
    """Who is in a snapshot's cohort."""
    path = home.snapshots / frozen.id / f"{COHORT_PERSON.name}.parquet"
    return frozenset(pq.read_table(path, columns=["person_id"])["person_id"].to_pylist())


def snapshots_with(home: Home, persons: Collection[Pseudonym]) -> list[Snapshot]:
    """The snapshots whose cohort has one of these names of a person."""
    return [each for each in snapshot.every(home) if not persons_of(home, each).isdisjoint(persons)]
