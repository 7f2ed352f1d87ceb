"""Empty a spool into the lake as a pull goes on, and add up what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Self

from federim.model.errors import UserError
from federim_pipelines.accounting import RunReport
from federim_pipelines.behind import Draining
from federim_pipelines.progress import Watch
from federim_pipelines.spool import Spool

# A run costs a commit and some seconds of starting, a full spool costs disk: 2,000 CT slices are 1 GB.
OBJECTS_A_DRAIN: Final = 2_000
STAGE: Final = "objects"


@dataclass
class Drained:
    """What the runs over one spool did; `step` and `finish` make them.

    As a context it finishes at the end of its block, even if the server fails; not if the command is
    stopped, which is not to wait for that: what arrived is read with the next pull.
    """

    spool: Spool
    draining: Draining
    watch: Watch
    runs: list[RunReport] = field(default_factory=list)
    _arrived: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is None or isinstance(error, UserError):
            self.finish()

    def step(self, arrived: int) -> None:
        """Count objects that arrived, and empty the spool if there are many.

        Raises
        ------
        LakeError, StorageFull
            As `Spool.drain`; what arrived stays for the next pull.
        """
        self._arrived += arrived
        if self._arrived >= OBJECTS_A_DRAIN:
            self.finish()

    def finish(self) -> None:
        """Empty the spool; errors as `step`."""
        self._arrived = 0
        self.watch.stage("files")
        while (report := self.draining.drain(self.spool)) is not None:
            self.runs.append(report)
            for _ in range(report.read):
                self.watch.advance()
        self.watch.stage(STAGE)

    def as_json(self) -> dict[str, Any]:
        """The sums over all runs, and the runs' names."""
        return {
            "runs": [run.run for run in self.runs],
            "accepted": sum(run.accepted for run in self.runs),
            "duplicates": sum(run.duplicates for run in self.runs),
            "parked": sum(run.parked for run in self.runs),
            "quarantined": sum(run.quarantined for run in self.runs),
        }
