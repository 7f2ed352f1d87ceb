"""Who may write to a lake, and who may copy what it holds of persons, at one time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from federim.home import Home
from federim.lake.storage import disk_may_refuse
from federim.model.errors import LakeError

WRITER: Final = "writer.lock"
COPIES: Final = "copies.lock"


@contextmanager
def only_writer(home: Home) -> Iterator[None]:
    """Be the only process that writes to the home's tables.

    Raises
    ------
    LakeError
        Another one is writing, or nobody can.
    """
    with _locked(home.staging / WRITER, fcntl.LOCK_EX | fcntl.LOCK_NB):
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
    try:
        with disk_may_refuse():
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:  # a disk mounted read-only, a home of another account
        raise LakeError(
            f"the lake cannot be written: {error.strerror}; see the home's disk and owner"
        ) from None
    try:
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            raise LakeError("another run is writing to this lake; wait for its end, then run again") from None
        yield
    finally:
        os.close(descriptor)
