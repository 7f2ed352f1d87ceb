"""Find again, from the paths a run was given, the files that quarantine rows speak of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from federim.home import Home
from federim.lake.tables import Lake
from federim_pipelines.items import Item, Reason, Refusal
from federim_pipelines.quarantine import Quarantine
from federim_pipelines.sources.content import digest
from federim_pipelines.sources.inputs import Inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A quarantine row."""

    quarantine_id: str
    run_id: str
    source: str
    item: str
    position: int | None
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Located:
    """A file and what was refused of it. `same` is False where its content is no longer what was read."""

    item: Item
    refused: Refused
    same: bool


def refused(home: Home) -> Iterator[Refused]:
    """All quarantine rows, run after run."""
    for path in Lake(home).files("quarantine"):
        for row in pq.read_table(path).to_pylist():
            yield Refused(**{**row, "reason": Reason(row["reason"]), "detail": row["detail"] or ""})


def locate(home: Home, paths: Sequence[Path]) -> Iterator[Located]:
    """Walk `paths` again, given as they were given to the run, and meet the files in quarantine.

    Raises
    ------
    InputError
        A path does not exist.
    """
    by_item: dict[str, list[Refused]] = defaultdict(list)
    for row in refused(home):
        by_item[row.item].append(row)
    inputs, quarantine = Inputs(home, paths), Quarantine(home)
    for item in inputs.files:
        name = inputs.name(item)
        rows = by_item.get(quarantine.item(name))
        if not rows:
            continue
        content = digest(item)
        for row in sorted(rows, key=lambda row: row.position or 0):
            refusal = Refusal(reason=row.reason, position=row.position, detail=row.detail)
            identifier = quarantine.id(name, content, refusal)
            yield Located(item, row, same=identifier == row.quarantine_id)
