"""Make a key file on first use, whole, by whichever process comes first."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from federim.keys import ROOT_KEY_BYTES, read_key, write_private


def read_or_make_key(path: Path) -> bytes:
    """The 32 bytes of a key file, random if there was none.

    Raises
    ------
    HomeError
        The file is there but is no key.
    """
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            make_key(path)
    return read_key(path)


def make_key(path: Path) -> None:
    """Write 32 random bytes to `path`, readable by its owner alone.

    Raises
    ------
    FileExistsError
        There is a file already: a key is never replaced.
    """
    pending = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    write_private(pending, secrets.token_bytes(ROOT_KEY_BYTES))
    put_in_place(pending, path)


def put_in_place(pending: Path, path: Path) -> None:
    """Give a finished file its name, unless another process was first (`FileExistsError`)."""
    try:
        # A link, unlike a rename, fails where the name is taken.
        os.link(pending, path)
    finally:
        pending.unlink()
    # What is encrypted under a key must not outlive it in a power cut.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
