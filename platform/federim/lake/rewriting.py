"""Take persons out of the lake for good, or put other rows in the place of theirs, whatever pins them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from federim.home import Home
from federim.lake.declaration import Table
from federim.lake.images import StoredObject
from federim.lake.tables import LakeWriter
from federim.model.identifiers import Pseudonym

Into = Callable[[Table, pa.Table], pa.Table]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What becomes of one person of the lake."""

    person_id: Pseudonym
    into: Into | None
    objects: Mapping[str, StoredObject] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rewritten:
    """What changed."""

    tables: Mapping[str, int]
    files_rewritten: int
    snapshots: Mapping[str, str]
    rows_left: int


def rewrite(home: Home, writer: LakeWriter, *changes: Change) -> Rewritten:
    """Carry out the changes."""
    raise NotImplementedError


def objects_of(home: Home, person_id: Pseudonym) -> frozenset[str]:
    """Paths of the person's stored objects."""
    raise NotImplementedError
