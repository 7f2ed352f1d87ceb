"""Keep raw objects between their arrival and the lake: each is whole, and goes once the lake has it."""

from __future__ import annotations

import fcntl
import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from federim.home import Home
from federim.keys import keyed
from federim.lake.storage import UNFINISHED, disk_may_refuse, sync
from federim.model.errors import StorageFull
from federim_pipelines.accounting import RunReport
from federim_pipelines.deidentify.policy.files import DEFAULT
from federim_pipelines.parked.resuming import Resumed, resume
from federim_pipelines.progress import Watch
from federim_pipelines.run import ingest
from federim_pipelines.settling import Settlement

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# The lake empties the spool, and needs room for it: a disk that raw objects filled could not be emptied.
RESERVE_BYTES: Final = 1 << 30

BYTES_BETWEEN_LOOKS: Final = 16 << 20  # at the room there is, while an object of any size comes

# Far more, and what arrives meanwhile waits long; far fewer, and runs that each cost a commit follow one
# another. Between 1,000 and 50,000 it makes little difference.
FILES_A_RUN: Final = 10_000

_NAME = re.compile(r"[0-9a-f]{16,64}(\.[a-z0-9]{1,8})?")


class Spool:
    """One source's raw objects in a site's home, folders 0700 and files 0600: they identify patients.

    An object passes from folder to folder by renaming, so a kill at any moment leaves it whole in one of
    `arriving` (not acknowledged yet), `arrived`, `draining` (the lake may have it: reading it again adds
    nothing) and `refused`. Several processes may write, and one drain at a time.

    Parameters
    ----------
    name : str
        The source: a short word that tells nothing of a patient.
    reserve : int
        Bytes of the disk that objects may not take.
    """

    def __init__(self, home: Home, name: str, *, reserve: int = RESERVE_BYTES) -> None:
        self._home = home
        self._name = name
        self._reserve = reserve
        self._key = home.secret("spool")
        top = home.spool
        self._arriving, self._arrived, self._draining, self.refused = (
            top / stage / name for stage in ("arriving", "arrived", "draining", "refused")
        )
        for folder in (self._arriving, self._arrived, self._draining, self.refused):
            for each in (top, folder.parent, folder):
                each.mkdir(mode=0o700, exist_ok=True)
        self._lock_file = self._arriving.parent / f"{name}.lock"

    def named(self, *parts: str | bytes, suffix: str = "") -> str:
        """The name of an object that `parts` identify: it tells nothing to who lacks the home's key."""
        return keyed(self._key, self._name, *parts)[:16].hex() + suffix

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """A file to write, at the end of the block on the disk under `name`; an exception leaves none.

        An object of that name that waits already is replaced, one that the lake is reading is not touched.

        Parameters
        ----------
        name : str
            From `named`: 16 to 64 hexadecimal digits, and a suffix such as ".ndjson".

        Raises
        ------
        StorageFull
            The disk has no more room, or none but the reserve.
        """
        self.check_room()
        with self.unfinished() as folder:
            descriptor, part = tempfile.mkstemp(suffix=UNFINISHED, dir=folder)
            try:
                with disk_may_refuse(), io.BufferedWriter(_Measured(descriptor, self.check_room)) as file:
                    yield cast(BinaryIO, file)
                self.keep(Path(part), name)
            finally:
                Path(part).unlink(missing_ok=True)

    @contextmanager
    def unfinished(self) -> Iterator[Path]:
        """The folder for what is being written, where nothing is removed as long as the block lasts.

        What killed processes left in it goes first, unless somebody else is writing.
        """
        self._drop_unfinished()
        with self._lock(fcntl.LOCK_SH):
            yield self._arriving

    def keep(self, part: Path, name: str) -> None:
        """Have a closed file of the folder `unfinished` on the disk under its final name.

        Raises
        ------
        StorageFull
            The disk has no more room.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("an object in the spool is named by a keyed digest: see Spool.named")
        with disk_may_refuse():
            sync(part)
            part.replace(self._arrived / name)
            sync(self._arrived)

    def check_room(self) -> None:
        """Raise `StorageFull` if the disk has nothing left but the reserve."""
        free = shutil.disk_usage(self._arriving).free
        if free < self._reserve:
            raise StorageFull(
                f"the disk of the spool has {free >> 20} MB left, and {self._reserve >> 20} MB are kept for "
                "the lake to empty it; free some space, then send again"
            )

    def holds(self, name: str) -> bool:
        """Whether an object of that name waits or is being read, so that it need not be fetched again."""
        return (self._arrived / name).exists() or (self._draining / name).exists()

    @property
    def waiting(self) -> list[str]:
        """The names of the objects that the lake has not settled yet."""
        return _names(self._arrived) + _names(self._draining)

    @property
    def kept(self) -> list[str]:
        """The names of the objects the lake refused."""
        return _names(self.refused)

    def drain(
        self,
        *,
        policy: str | Path = DEFAULT,
        issuer: str = "",
        test_identities: bool = False,
        batch: int = FILES_A_RUN,
        executor: Executor | None = None,
        progress: Watch | None = None,
        actor: str = "operator",
    ) -> RunReport | None:
        """Read into the lake what has arrived, at most `batch` objects; None if nothing has.

        Once committed, an object that the lake accepted whole, had, or parked is removed, and so is one about
        a person who objects to research; one of which anything else was refused moves to `refused`, where
        `federim quarantine locate` finds it. What a killed drain left is
        read again first.

        Raises
        ------
        LakeError
            Another run is writing: everything stays where it is.
        StorageFull, InputError, UnknownName
            As `federim_pipelines.run.ingest`.
        """
        self._drop_unfinished()
        self._take(batch)
        taken = [self._draining / name for name in _names(self._draining)]
        if not taken:
            return None
        report = ingest(
            self._home,
            [self._draining],
            executor=executor,
            policy=policy,
            issuer=issuer,
            test_identities=test_identities,
            settled=self._settled,
            progress=progress,
            actor=actor,
        )
        for path in taken:
            if path.exists():  # passed over by the walk, as a DICOMDIR is: nothing removes it unread
                path.replace(self.refused / path.name)
        return report

    def resume(self, *, executor: Executor | None = None, actor: str = "operator") -> Resumed:
        """Read what any source brought and was parked: see `parked.resuming.resume`."""
        return resume(self._home, executor=executor, actor=actor)

    def _settled(self, path: Path, settlement: Settlement, /) -> None:
        if settlement.refused and not settlement.opposed:
            path.replace(self.refused / path.name)
        else:
            path.unlink(missing_ok=True)

    def _take(self, most: int) -> None:
        """Have up to `most` objects in `draining`; one whose name is there already waits for the next run."""
        there = set(_names(self._draining))
        for name in islice(_names(self._arrived), max(most - len(there), 0)):
            if name not in there:
                (self._arrived / name).replace(self._draining / name)

    def _drop_unfinished(self) -> None:
        with suppress(BlockingIOError), self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
            for name in _names(self._arriving):
                (self._arriving / name).unlink()

    @contextmanager
    def _lock(self, how: int) -> Iterator[None]:
        """Hold the lock that all who write share, and that a kill releases."""
        descriptor = os.open(self._lock_file, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)


class _Measured(io.FileIO):
    """A file that looks at the room on the disk as it grows."""

    def __init__(self, descriptor: int, check_room: Callable[[], None]) -> None:
        super().__init__(descriptor, "wb")
        self._check_room = check_room
        self._unchecked = 0

    def write(self, data: ReadableBuffer, /) -> int:
        written = super().write(data)
        self._unchecked += written
        if self._unchecked >= BYTES_BETWEEN_LOOKS:
            self._unchecked = 0
            self._check_room()
        return written


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]
