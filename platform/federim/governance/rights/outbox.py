"""Keep sealed messages until somebody carries them to who must open them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Final

from federim.home import Home
from federim.keys import keyed, replace_private
from federim.lake.storage import sync
from federim.model.errors import InputError
from federim.trust.changes import NAME_PATTERN

SUFFIX: Final = ".sealed"
_NAME: Final = re.compile(rf"({NAME_PATTERN.pattern})\.[0-9a-f]{{32}}{re.escape(SUFFIX)}")


def put(home: Home, recipient: str, sealed: bytes, *parts: str) -> Path:
    """Keep a message for `recipient`; one put again under the same `parts` takes the place of the first."""
    home.notices.mkdir(mode=0o700, exist_ok=True)
    name = keyed(home.secret("notice"), recipient, *parts)[:16].hex()
    path = home.notices / f"{recipient}.{name}{SUFFIX}"
    replace_private(path, sealed)
    return path


def forward(home: Home, path: Path) -> str:
    """At the hub: keep a message that is for somebody else, unopened; returns for whom.

    Raises
    ------
    InputError
        The file's name does not say for whom it is.
    """
    recipient = recipient_of(path)
    home.notices.mkdir(mode=0o700, exist_ok=True)
    replace_private(home.notices / path.name, path.read_bytes())
    return recipient


def recipient_of(path: Path) -> str:
    """For whom a message is, by its file's name; raise `InputError` where that does not say."""
    found = _NAME.fullmatch(path.name)
    if found is None:
        raise InputError(f"{path.name[:60]!r}: expected RECIPIENT.<32 hexadecimal digits>{SUFFIX}")
    return found[1]


def waiting(home: Home, recipient: str = "") -> list[Path]:
    """Messages not handed out yet: for one home, or for all."""
    found = sorted(home.notices.glob(f"*{SUFFIX}"))
    return [path for path in found if recipient in ("", recipient_of(path))]


def counted(home: Home) -> Counter[str]:
    """How many messages wait, by recipient."""
    return Counter(recipient_of(path) for path in waiting(home))


def hand_out(home: Home, to: Path, recipient: str = "") -> list[Path]:
    """Move what waits into a folder, each message once it is on the disk there.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    moved = []
    try:
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in waiting(home, recipient):
            replace_private(to / path.name, path.read_bytes())
            sync(to)
            path.unlink()
            moved.append(to / path.name)
    except OSError as error:
        raise InputError(f"{to}: messages cannot be put there: {error.strerror}") from None
    return moved


def mark(home: Home, sealed: bytes) -> Path:
    """The empty file that says, once it is there, that a message to this home was taken."""
    return home.notices / "taken" / hashlib.sha256(sealed).hexdigest()
