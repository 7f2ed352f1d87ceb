"""Keep a key server's keys, one file an epoch: open another, and destroy the one that has had its time."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from federim.identity.keyfile import make_key
from federim.identity.keyserver.contract import Epoch
from federim.identity.oprf import derive_key_pair
from federim.keys import ROOT_KEY_BYTES, read_key
from federim.model.errors import IdentityError, UnknownName

_INFO: Final = b"federim key server"
_OPEN, _CLOSED = ".key", ".closed"


@dataclass(frozen=True, slots=True)
class EpochKey:
    """An epoch, and the private scalar (32 bytes) that evaluates in it."""

    epoch: Epoch
    private: bytes = field(repr=False)

    @classmethod
    def of_seed(cls, number: int, seed: bytes) -> Self:
        """The key that a seed file stands for."""
        private, public = derive_key_pair(seed, _INFO)
        return cls(Epoch(number, public), private)


class EpochFolder:
    """The epochs of one key server, in files that its account alone can read.

    `0001.key` is an open epoch's seed; `0001.closed` remembers the public key of one that is closed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "epochs"
        self._read: tuple[frozenset[str], tuple[EpochKey, ...]] | None = None

    def open_keys(self) -> tuple[EpochKey, ...]:
        """The open epochs' keys, the newest first; read again once an epoch was opened or closed.

        Raises
        ------
        IdentityError
            None is open.
        HomeError
            A key file is damaged.
        """
        if not self._folder.is_dir():
            raise IdentityError(
                f"{self._folder}: no key server's keys here; make them with federim keyserver generate-key"
            )
        names = frozenset(path.name for path in self._folder.iterdir())
        if self._read is None or self._read[0] != names:
            numbers = sorted(self._open_numbers(), reverse=True)
            self._read = names, tuple(EpochKey.of_seed(n, read_key(self._path(n, _OPEN))) for n in numbers)
        keys = self._read[1]
        if not keys:
            raise IdentityError(f"{self._folder}: no epoch is open; open one with federim keyserver rotate")
        return keys

    def closed(self) -> tuple[Epoch, ...]:
        """The closed epochs, the newest first."""
        return tuple(
            Epoch(number, bytes.fromhex(self._path(number, _CLOSED).read_text()))
            for number in sorted(self._numbers(_CLOSED), reverse=True)
        )

    def open_next(self) -> Epoch:
        """Make the key of a new epoch, which sites use from their next question on.

        Raises
        ------
        IdentityError
            Another process opened it at the same moment.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        number = max(self._numbers(_OPEN) | self._numbers(_CLOSED), default=0) + 1
        create_key_file(self._path(number, _OPEN))
        return EpochKey.of_seed(number, read_key(self._path(number, _OPEN))).epoch

    def close(self, number: int) -> Epoch:
        """Destroy an epoch's key: its tokens can be made no more, by nobody.

        Killed half-way and called again, it does the rest. Backups of the key, and what a disk keeps of
        an overwritten block, are for their owner to destroy.

        Raises
        ------
        UnknownName
            There is no such epoch.
        IdentityError
            It is the newest, which sites use.
        """
        seed, record = self._path(number, _OPEN), self._path(number, _CLOSED)
        if not seed.exists():
            raise UnknownName("open epoch", str(number), map(str, self._open_numbers()))
        if number == max(self._open_numbers(), default=None):
            raise IdentityError(
                f"epoch {number} is the newest, the one sites use; open the next (federim keyserver rotate), "
                "and let every site re-evaluate (federim vault reevaluate) before you close this one"
            )
        if not record.exists():
            _write_whole(record, EpochKey.of_seed(number, read_key(seed)).epoch.public.hex())
        _destroy(seed)
        return Epoch(number, bytes.fromhex(record.read_text()))

    def _open_numbers(self) -> set[int]:
        # One that has both files was being closed when its process was killed.
        return self._numbers(_OPEN) - self._numbers(_CLOSED)

    def _numbers(self, suffix: str) -> set[int]:
        return {int(path.stem) for path in self._folder.glob(f"[0-9]*{suffix}")}

    def _path(self, number: int, suffix: str) -> Path:
        return self._folder / f"{number:04d}{suffix}"


def create_key_file(path: Path) -> None:
    """Make a key: an epoch's, or the one that sites sharing it on one machine name as `embedded:FILE`.

    Raises
    ------
    IdentityError
        There is a file already: replacing the key would break every linkage made with it.
    """
    try:
        make_key(path)
    except FileExistsError:
        raise IdentityError(f"key server: {path.name} already exists, and a key is never replaced") from None


def _write_whole(path: Path, text: str) -> None:
    pending = path.with_name(f".{path.name}.new")
    with pending.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    pending.replace(path)
    _sync_folder(path.parent)


def _destroy(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(secrets.token_bytes(ROOT_KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
