"""De-identify a chunk of a folder tree in one process, and say what became of each file."""

from __future__ import annotations

import gc
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from federim.model.errors import StorageFull
from federim_pipelines.deidentify.cleaned import Cleaned
from federim_pipelines.deidentify.instance import Deidentifier
from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.proof import Prover
from federim_pipelines.deidentify.tree.names import Names
from federim_pipelines.deidentify.tree.subjects import KeyedSubjects
from federim_pipelines.deidentify.tree.walk import Chunk
from federim_pipelines.deidentify.uids import keyed_uid
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.sniff import HEAD_BYTES, Kind, sniff

UNFINISHED = ".unfinished"  # folder of files being written, on the disk they are to stay on

_UID = re.compile(rb"(?<![\d.])[0-2](?:\.(?:0|[1-9]\d*)){2,}(?![\d.])")
_MAIN_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")


@dataclass(frozen=True, slots=True)
class TreeTask:
    """All a process needs to take part in a run."""

    source: str
    target: str
    policy: str
    dispositions: Path | None
    denied: frozenset[str]
    key: bytes = field(repr=False)
    maps: bool = False  # whether old and new identifiers are wanted


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that was not written: its place in the source tree, for the site's own eyes, and why."""

    file: str
    reason: Reason
    detail: str
    picture: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class ChunkReport:
    """What became of a chunk's files: fast + reference + refused + ignored are all of them."""

    fast: int = 0
    reference: int = 0
    ignored: int = 0
    refused: list[Refused] = field(default_factory=list)
    retained: Counter[tuple[int, str]] = field(default_factory=Counter)
    uids: set[tuple[str, str]] = field(default_factory=set)
    patients: set[tuple[str, str]] = field(default_factory=set)


def clean_chunk(task: TreeTask, chunk: Chunk) -> ChunkReport:
    """De-identify the files of a chunk; a failure concerns its file alone.

    Raises
    ------
    StorageFull
        The target's disk refuses a write.
    """
    return _worker(task).chunk(chunk)


def failed(chunk: Chunk, error: BaseException) -> ChunkReport:
    """The report of a chunk of one file that nobody could finish."""
    place = f"{chunk.folder}/{chunk.names[0]}".lstrip("/")
    return ChunkReport(ignored=chunk.ignored, refused=[Refused(place, Reason.FAILED, type(error).__name__)])


def forget() -> None:
    """Let go of what this process keeps of a run: keys, patients, folders that were made."""
    _worker.cache_clear()


@lru_cache(maxsize=1)
def _worker(task: TreeTask) -> _Worker:
    return _Worker(task)


class _Worker:
    def __init__(self, task: TreeTask) -> None:
        # What a file leaves behind is freed by counting references; looking for cycles in it costs a tenth.
        gc.set_threshold(100_000, 20, 20)
        policy = load_policy(task.policy, dispositions=task.dispositions, denied=task.denied)
        self._task = task
        self._deidentifier = Deidentifier(policy, KeyedSubjects(task.key), prover=Prover.under(policy))
        self._names = Names(task.key)
        self._folders: set[str] = set()
        self._pending = f"{task.target}/{UNFINISHED}/{os.getpid()}"

    def chunk(self, chunk: Chunk) -> ChunkReport:
        report = ChunkReport(ignored=chunk.ignored)
        if chunk.unreadable:
            refused = Refused(chunk.folder, Reason.UNREADABLE, "a folder that cannot be listed")
            report.refused.append(refused)
        for name in chunk.names:
            place = f"{chunk.folder}/{name}" if chunk.folder else name
            try:
                self._file(chunk.folder, name, report)
            except StorageFull:
                raise
            except Exception as error:
                kept_back = _refused(f"{self._task.source}/{place}", error)
                if kept_back is None:
                    report.ignored += 1
                else:
                    report.refused.append(replace(kept_back, file=place))
        return report

    def _file(self, folder: str, name: str, report: ChunkReport) -> None:
        with self._deidentifier.file(f"{self._task.source}/{folder}/{name}") as cleaned:
            place = self._names.neutral(folder, name)
            try:
                cleaned.prove((place,))
            except Unusable:  # a patient called Abdomen, say
                place = self._names.keyed(folder, name)
            self._write(cleaned, place)
            if cleaned.fast:
                report.fast += 1
            else:
                report.reference += 1
            report.retained.update(cleaned.retained)
            if self._task.maps:
                old = "\\".join(map(str, values_of(cleaned.raw.get("PatientID")))).strip(" \0")
                report.patients.add((old, cleaned.subject.person_id))
                report.uids.update(_uid_pairs(cleaned))

    def _write(self, cleaned: Cleaned, place: str) -> None:
        """Put a file in its place when it is whole."""
        target, folder = f"{self._task.target}/{place}", place.rpartition("/")[0]
        try:
            if folder not in self._folders:
                os.makedirs(f"{self._task.target}/{folder}", exist_ok=True)  # noqa: PTH103
                self._folders.add(folder)
            descriptor = os.open(self._pending, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            try:
                cleaned.write(descriptor)
            finally:
                os.close(descriptor)
            os.rename(self._pending, target)  # noqa: PTH104
        except OSError as error:
            with suppress(OSError):
                os.unlink(self._pending)  # noqa: PTH108
            raise StorageFull(
                f"the target folder refuses a write ({error.strerror}); what is there is whole, and the rest "
                "was not begun: make room or correct its rights, and start again with an empty folder"
            ) from error


def _refused(path: str, error: Exception) -> Refused | None:
    """Why a file was refused; None if it is no DICOM object at all."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            kind = sniff(file.read(HEAD_BYTES))
    except OSError as refusal:
        return Refused(path, Reason.UNREADABLE, type(refusal).__name__)
    if kind is Kind.EMPTY:
        return Refused(path, Reason.EMPTY, "")
    if kind is not Kind.DICOM:
        return None
    if isinstance(error, Unusable):
        return Refused(path, error.reason, error.detail, error.picture)
    return Refused(path, Reason.FAILED, type(error).__name__)


def _uid_pairs(cleaned: Cleaned) -> Iterator[tuple[str, str]]:
    """Each UID of a file and what it became: those of the object itself, and those met anywhere in it."""
    key = cleaned.subject.uid_key
    with memoryview(cleaned.source.buffer()) as content:
        header = bytes(content[: cleaned.start] if cleaned.start else content)
    found = {match.decode() for match in _UID.findall(header)}
    found.update(str(cleaned.raw.get(keyword) or "").strip(" \0") for keyword in _MAIN_UIDS)
    written = cleaned.head + cleaned.tail
    for old in found - {""}:
        new = keyed_uid(key, old)
        if new != old and new.encode() in written:
            yield old, new
