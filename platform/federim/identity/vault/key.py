"""Find the vault key, in its file or the environment, and put a new one there without a moment between."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from federim.home import Home
from federim.identity.cipher import VaultCipher
from federim.identity.keyfile import check_own_alone, read_or_make_key
from federim.keys import ROOT_KEY_BYTES, exclusively, read_key, replace_private
from federim.model.errors import IdentityError

KEY_VARIABLE: Final = "FEDERIM_VAULT_KEY"
NEXT_VARIABLE: Final = "FEDERIM_VAULT_KEY_NEXT"


def first_key(home: Home) -> bytes:
    """The key of a vault that is about to be made: `FEDERIM_VAULT_KEY` (hexadecimal), else `keys/vault.key`.

    Raises
    ------
    IdentityError
        The variable is not 64 hexadecimal digits, or the file is not this account's alone.
    HomeError
        The file is no key.
    """
    given = _given(KEY_VARIABLE)
    if given is not None:
        return given
    read_or_make_key(_file(home))
    return _read(_file(home))


def find(home: Home, check: bytes) -> VaultCipher | None:
    """The cipher that `check` tells of, if the home has its key."""
    for key in _keys(home):
        cipher = VaultCipher(key)
        if cipher.check == check:
            return cipher
    return None


def cipher_of(home: Home, check: Callable[[], bytes]) -> VaultCipher:
    """The cipher of a vault; `check` reads there which one it is.

    A rotation that was killed between the vault and the key file is completed.

    Raises
    ------
    IdentityError
        The vault was written under another key, the variable is not 64 hexadecimal digits, or the file is
        not this account's alone.
    HomeError
        The file is missing, or is no key.
    """
    # Again: a rotation may have come between the vault and its key.
    for _ in range(2):
        cipher = find(home, check())
        if cipher is not None:
            _complete(home, cipher)
            return cipher
    raise IdentityError(
        f"the vault is under another vault key; restore keys/vault.key, or {KEY_VARIABLE}, "
        "from the site's backup"
    )


def rotating(home: Home) -> AbstractContextManager[None]:
    """Only one process changes the key at a time."""
    return exclusively(home.keys / ".vault.key.lock")


def next_key(home: Home) -> bytes:
    """The key to rotate to, on the disk before anything is written under it. Inside `rotating`.

    Raises
    ------
    IdentityError
        The key comes from the environment, and the next one is not there.
    """
    given = _given(NEXT_VARIABLE)
    if _given(KEY_VARIABLE) is not None:
        if given is None:
            raise IdentityError(
                f"the vault key comes from {KEY_VARIABLE}; give the next one, 64 hexadecimal digits, "
                f"in {NEXT_VARIABLE}"
            )
        return given
    if given is not None:
        raise IdentityError(
            f"{NEXT_VARIABLE} is set, but the vault key is a file; unset it: a new one is made"
        )
    key = secrets.token_bytes(ROOT_KEY_BYTES)
    replace_private(_next_file(home), key)
    return key


def adopt_next(home: Home) -> None:
    """Let the next key's file be the key's. Inside `rotating`, when the vault is under it."""
    if _given(KEY_VARIABLE) is None:
        replace_private(_file(home), _read(_next_file(home)))
        _next_file(home).unlink()


def from_environment() -> bool:
    """Whether the key is in the environment rather than in a file."""
    return _given(KEY_VARIABLE) is not None


def _complete(home: Home, cipher: VaultCipher) -> None:
    """Adopt the next key if it is the vault's: the process that rotated was killed before it could."""
    if (
        from_environment()
        or not _next_file(home).exists()
        or VaultCipher(_read(_file(home))).check == cipher.check
    ):
        return
    with rotating(home), contextlib.suppress(FileNotFoundError):  # another process was first
        if VaultCipher(_next_file(home).read_bytes()).check == cipher.check:
            adopt_next(home)


def _keys(home: Home) -> Iterator[bytes]:
    given = _given(KEY_VARIABLE)
    if given is not None:
        yield given
        following = _given(NEXT_VARIABLE)
        if following is not None:
            yield following
        return
    yield _read(_file(home))
    with contextlib.suppress(FileNotFoundError):
        yield _next_file(home).read_bytes()


def _given(variable: str) -> bytes | None:
    given = os.environ.get(variable)
    if given is None:
        return None
    if not re.fullmatch("[0-9a-fA-F]{64}", given):
        raise IdentityError(f"{variable}: {len(given)} characters; expected 64 hexadecimal digits")
    return bytes.fromhex(given)


def _read(path: Path) -> bytes:
    key = read_key(path)
    check_own_alone(path, f"keys/{path.name}")
    return key


def _file(home: Home) -> Path:
    return home.keys / "vault.key"


def _next_file(home: Home) -> Path:
    return home.keys / "vault.key.next"
