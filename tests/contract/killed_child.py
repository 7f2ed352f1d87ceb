"""A process that rotates a vault key and is killed at a chosen operation on files or rows."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, NoReturn

from federim.home import Home
from federim.identity import custody
from federim.identity.vault.postgresql import PostgresqlDatabase
from federim.identity.vault.sqlite import SqliteDatabase

FILE_OPERATIONS = ("open", "os.rename", "os.remove", "os.link", "os.chmod")
ROW_OPERATIONS = ("rows", "run", "many", "_begun", "scrub")


def rotate_and_die(home: Home, kill_at: int) -> NoReturn:
    """Rotate the home's vault key; die at the operation of that number, or end with 0; with 1 if it fails."""
    left = kill_at

    def count(*_: Any) -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def counted(method: Any) -> Any:
        def run(*arguments: Any, **named: Any) -> Any:
            count()
            return method(*arguments, **named)

        return run

    root = str(home.root)
    try:
        for kind in (SqliteDatabase, PostgresqlDatabase):
            for name in ROW_OPERATIONS:
                setattr(kind, name, counted(getattr(kind, name)))
        sys.addaudithook(
            lambda event, told: count() if event in FILE_OPERATIONS and root in str(told[0]) else None
        )
        custody.rotate_key(home, lambda _: None)
    except BaseException:
        os._exit(1)
    os._exit(0)
