"""Make a key server's folder, and read what it holds and has counted."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from federim.identity.keyserver.contract import Epoch
from federim.identity.keyserver.epochs import EpochFolder
from federim.identity.keyserver.ledger import Ledger
from federim.identity.keyserver.log import Entry
from federim.keys import ROOT_KEY_BYTES, SigningKey, read_key, write_private
from federim.model.errors import HomeError

_SIGNING_KEY: Final = "signing.key"


@dataclass(frozen=True, kw_only=True)
class State:
    """What a key server's folder says."""

    open: tuple[Epoch, ...]
    closed: tuple[Epoch, ...]
    points: Mapping[tuple[str, int], int]  # by site and epoch
    alarms: tuple[Entry, ...]


def found(folder: Path) -> Epoch:
    """Make the folder (0700), the key that signs its log, and the key of its first epoch.

    Raises
    ------
    HomeError
        There is something in the folder already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise HomeError(f"{folder} already exists and is not an empty folder; choose another")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as made:
        pending = Path(made) / folder.name
        pending.mkdir(mode=0o700)
        write_private(pending / _SIGNING_KEY, secrets.token_bytes(ROOT_KEY_BYTES))
        epoch = EpochFolder(pending).open_next()
        pending.replace(folder)  # whole, or not at all
    return epoch


def open_ledger(folder: Path) -> Ledger:
    """The folder's counts.

    Raises
    ------
    HomeError
        It is no key server's folder, or its signing key is damaged.
    """
    if not folder.is_dir():
        raise HomeError(f"{folder}: no key server's folder; make it with federim keyserver generate-key")
    return Ledger(folder, SigningKey(read_key(folder / _SIGNING_KEY)))


def state_of(folder: Path) -> State:
    """What the folder holds, once its log was checked.

    Raises
    ------
    VerificationFailed
        The log was changed.
    HomeError, IdentityError
        It is no key server's folder, or damaged.
    """
    epochs = EpochFolder(folder)
    with open_ledger(folder) as ledger:
        return State(
            open=tuple(key.epoch for key in epochs.open_keys()),
            closed=epochs.closed(),
            points=ledger.totals(),
            alarms=tuple(ledger.alarms()),
        )
