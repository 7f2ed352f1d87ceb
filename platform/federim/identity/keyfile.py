"""Make a key file on first use, whole, by whichever process comes first, and read it if nobody else can."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from federim.keys import ROOT_KEY_BYTES, read_key, write_private
from federim.model.errors import IdentityError


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


def check_own_alone(path: Path, name: str) -> None:
    """Refuse a file that is another account's, or that another account can open.

    Raises
    ------
    IdentityError
        So it is, or it is missing; `name` is what to call it.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise IdentityError(f"{name} cannot be opened: {error.strerror}") from None
    if found.st_uid != os.geteuid():
        raise IdentityError(f"{name} belongs to another account; run federim as that one")
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise IdentityError(
            f"{name} can be opened by other accounts (mode {stat.S_IMODE(found.st_mode):04o}); "
            "find out who had it open, then run chmod 600 on it"
        )


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
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Have a folder's list of names on the disk before going on."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
