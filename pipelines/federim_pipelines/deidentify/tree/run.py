"""De-identify a folder tree into another: every file accounted for, nothing half-written."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from federim.model.errors import InputError
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.tree.walk import chunks
from federim_pipelines.deidentify.tree.worker import (
    UNFINISHED,
    ChunkReport,
    Refused,
    TreeTask,
    clean_chunk,
    forget,
)
from federim_pipelines.items import Reason

if TYPE_CHECKING:
    from federim_pipelines.progress import Watch


@dataclass(slots=True)
class TreeReport:
    """What a run did. files = fast_path + reference_path + quarantined + ignored."""

    policy: str
    fast_path: int = 0
    reference_path: int = 0
    ignored: int = 0  # no DICOM object, a DICOMDIR, a link
    refused: list[Refused] = field(default_factory=list)
    retained: Counter[tuple[int, str]] = field(default_factory=Counter)  # texts let through, by tag
    uids: set[tuple[str, str]] = field(default_factory=set, repr=False)  # (old, new)
    patients: set[tuple[str, str]] = field(default_factory=set, repr=False)  # (PatientID, pseudonym)
    seconds: float = 0.0

    @property
    def quarantined(self) -> int:
        return len(self.refused)

    @property
    def files(self) -> int:
        return self.fast_path + self.reference_path + self.quarantined + self.ignored

    @property
    def reasons(self) -> dict[Reason, int]:
        return dict(Counter(each.reason for each in self.refused).most_common())

    @property
    def hits(self) -> int:
        """Files whose proof found something: none of them was written."""
        return sum(each.reason is Reason.PROOF for each in self.refused)

    @property
    def checked(self) -> int:
        """Files the proof was run on."""
        return self.fast_path + self.reference_path + self.hits

    def details(self, reason: Reason) -> list[tuple[str, int]]:
        """What more was said of one reason, the most frequent first."""
        said = Counter(each.detail for each in self.refused if each.reason is reason and each.detail)
        return said.most_common()

    def add(self, part: ChunkReport) -> None:
        """Count a chunk in."""
        self.fast_path += part.fast
        self.reference_path += part.reference
        self.ignored += part.ignored
        self.refused += part.refused
        self.retained.update(part.retained)
        self.uids |= part.uids
        self.patients |= part.patients

    def as_json(self) -> dict[str, Any]:
        """The report as the documented JSON document."""
        return {
            "files": self.files,
            "fast_path": self.fast_path,
            "reference_path": self.reference_path,
            "quarantined": self.quarantined,
            "ignored": self.ignored,
            "reasons": {reason.value: count for reason, count in self.reasons.items()},
            "proof": {"checked": self.checked, "hits": self.hits},
            "policy": self.policy,
            "seconds": round(self.seconds, 3),
        }


def deidentify_tree(
    source: Path,
    target: Path,
    *,
    key: bytes,
    policy: str = "research",
    dispositions: Path | None = None,
    denied: frozenset[str] = frozenset(),
    workers: int = 1,
    maps: bool = False,
    watch: Watch | None = None,
) -> TreeReport:
    """Write the de-identified form of every DICOM object under `source` to the same place under `target`.

    Folders and files bear their names where those tell nothing, keyed ones where they may. A file appears
    whole or not at all. What is refused stays in `source`, with its reason in the report.

    Parameters
    ----------
    key : bytes, 32
        From which, with PatientID and its issuer, pseudonyms, UIDs and date shifts derive.
    policy, dispositions, denied
        See `policy.compilation.load_policy`.
    workers : int
        Processes that work; 1 works in this one.
    maps : bool
        Whether the report holds old and new UIDs and patient identifiers.

    Raises
    ------
    InputError
        `source` is no folder, `target` is inside it or holds something, or the policy cannot be used.
    StorageFull
        The target's disk refuses a write.
    """
    began = time.monotonic()
    _check_places(source, target)
    treatment = load_policy(policy, dispositions=dispositions, denied=denied)
    report = TreeReport(f"{treatment.name} {treatment.digest}")
    task = TreeTask(
        source=str(source),
        target=str(target),
        policy=policy,
        dispositions=dispositions,
        denied=denied,
        key=key,
        maps=maps,
    )
    unfinished = target / UNFINISHED
    unfinished.mkdir(parents=True)
    try:
        if watch is not None:
            watch.stage("files")
        parts = _here(task) if workers == 1 else _in_processes(task, workers)
        for count, part in parts:
            report.add(part)
            if watch is not None:
                for _ in range(count):
                    watch.advance()
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    report.seconds = time.monotonic() - began
    return report


def _check_places(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise InputError(f"{source} is no folder; expected one that holds DICOM files")
    inside, outside = target.resolve(), source.resolve()
    if inside.is_relative_to(outside):
        raise InputError(f"{target} lies in {source}: what is written would be read; choose another place")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} holds something already; expected an empty folder, or none")


def _here(task: TreeTask) -> Iterator[tuple[int, ChunkReport]]:
    try:
        for chunk in chunks(task.source):
            yield len(chunk.names), clean_chunk(task, chunk)
    finally:
        forget()


def _in_processes(task: TreeTask, workers: int) -> Iterator[tuple[int, ChunkReport]]:
    # Most runs need no second process, and what starts one takes a while to import.
    from federim_pipelines.deidentify.tree.crew import TreeCrew

    return TreeCrew(task, workers).parts()
