"""Check that a lake is what it says it is; for reading alone, and beside a run that writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from federim.home import Home, Role
from federim.lake import snapshot
from federim.lake.declared.imaging import INSTANCE_FILE
from federim.lake.locks import copying
from federim.lake.maintenance import references, stored
from federim.lake.maintenance.examine import Examined, examine, sound
from federim.lake.maintenance.problems import RESTORE, Problem, counted
from federim.lake.maintenance.references import Counted
from federim.lake.maintenance.stored import Held
from federim.lake.maintenance.view import LakeView, view
from federim.lake.maintenance.watch import Unwatched, Watch
from federim.lake.schema import BUCKETS
from federim.lake.snapshot import Snapshot
from federim.lake.tables import Lake
from federim.model.errors import VerificationFailed

SAMPLE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check saw.

    Attributes
    ----------
    batch : int
        Number of the last batch looked at; a run may have written others since.
    tables : by name
        Those that exist.
    snapshots : int
        Those whose pinned files were looked for.
    """

    batch: int
    tables: Mapping[str, Examined]
    references: Counted
    objects: Held
    snapshots: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        shown = ("rows", "files", "bytes", "unsorted_files")
        return {
            "ok": self.ok,
            "batch": self.batch,
            "tables": {
                name: {each: getattr(told, each) for each in shown} for name, told in self.tables.items()
            },
            "references": dict(self.references.dangling),
            "objects": asdict(self.objects),
            "snapshots": self.snapshots,
            "problems": [asdict(problem) for problem in self.problems],
        }


def check(home: Home, *, sample: int = SAMPLE, watch: Watch | None = None) -> Checked:
    """Look at every file of the live tables, every object they speak of, and what snapshots pin.

    Whoever takes persons out of the lake waits for its end.

    Parameters
    ----------
    sample : int
        Objects to hash, drawn anew each time.
    """
    home.require(Role.SITE)
    watch = watch or Unwatched()
    with copying(home):
        seen = view(home)
        tables = {}
        watch.stage("tables", len(seen.tables))
        for name, each in seen.tables.items():
            tables[name] = examine(each, home.secret("bucket"))
            watch.advance()
        readable = {name: sound(each) for name, each in seen.tables.items()}
        watch.stage("references", BUCKETS)
        counts = []
        for counted_ in references.count(home, readable):
            counts.append(counted_)
            watch.advance()
        referred = references.total(counts)
        live = readable.get(INSTANCE_FILE.name, [])
        frozen, damaged = _snapshots(home)
        objects = stored.held(
            home,
            live,
            _pinned(home, frozen),
            sample=sample,
            still_live=lambda: Lake(home).files(INSTANCE_FILE.name),
            watch=watch,
        )
    return Checked(
        batch=seen.batch,
        tables=tables,
        references=referred,
        objects=objects,
        snapshots=len(frozen),
        problems=(
            *_behind(seen),
            *(problem for told in tables.values() for problem in told.problems),
            *referred.problems(),
            *objects.problems(),
            *damaged,
            *_unpinned(home, frozen),
        ),
    )


def _behind(seen: LakeView) -> Iterator[Problem]:
    for name, batches in seen.ahead.items():
        yield from counted(
            name,
            batches,
            f"batches are in the table and not in the index, which is at {seen.index:,}",
            "none",
        )


def _snapshots(home: Home) -> tuple[list[Snapshot], list[Problem]]:
    try:
        return snapshot.every(home), []
    except VerificationFailed as error:
        changed = Problem(
            where="snapshots",
            found=str(error),
            expected="every snapshot as it was written",
            do="restore it from the site's backup",
        )
        return [], [changed]


def _unpinned(home: Home, frozen: list[Snapshot]) -> Iterator[Problem]:
    for each in frozen:
        gone = sum(not (home.lake / pinned.path).is_file() for pinned in each.files)
        yield from counted(
            f"snapshot {each.id}", gone, "files that it pins are gone", "all of them there", RESTORE
        )


def _pinned(home: Home, frozen: list[Snapshot]) -> set[Path]:
    """The files of `instance_file` that snapshots pin and that are there."""
    paths = {
        home.lake / file.path for each in frozen for file in each.files if file.table == INSTANCE_FILE.name
    }
    return {path for path in paths if path.is_file()}
