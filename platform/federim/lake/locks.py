"""Who may write to a lake, and who may copy what it holds of persons, at one time."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from federim.home import Home
from federim.lake.storage import disk_may_refuse
from federim.model.errors import LakeError

WRITER: Final = "writer.lock"
COPIES: Final = "copies.lock"

PATIENCE: Final = 10.0
"""Seconds a writer waits for another one: many batches' time, and no time beside that of a long run."""

POLL: Final = 0.005  # seconds


@contextmanager
def only_writer(home: Home, patience: float) -> Iterator[None]:
    """Be the only process that writes to the home's tables, after at most `patience` seconds of waiting.

    Raises
    ------
    LakeError
        Another one is writing still, or nobody can.
    """
    with _opened(home.staging / WRITER) as descriptor:
        _wait_for(descriptor, patience)
        yield


@contextmanager
def copying(home: Home) -> Iterator[None]:
    """Put what the lake holds of persons elsewhere; wait while some of them are taken out.

    Any number may copy at once, beside the writer.
    """
    with _locked(home.staging / COPIES, fcntl.LOCK_SH):
        yield


@contextmanager
def nobody_copies(home: Home) -> Iterator[None]:
    """Take persons out of all there is: wait for those who copy, and have others wait."""
    with _locked(home.staging / COPIES, fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    with _opened(path) as descriptor:
        fcntl.flock(descriptor, how)
        yield


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A lock's file; whoever holds the lock lets go of it as the file is closed."""
    try:
        with disk_may_refuse():
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:  # a disk mounted read-only, a home of another account
        raise LakeError(
            f"the lake cannot be written: {error.strerror}; see the home's disk and owner"
        ) from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, patience: float) -> None:
    # `flock` waits for ever or not at all.
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise LakeError(
                    "another run is writing to this lake; wait for its end, then run again"
                ) from None
            time.sleep(POLL)
        else:
            return
