"""End a command well when it is stopped: by Ctrl-C, or by SIGTERM as services are."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import NoReturn

import typer


class _Stopped(KeyboardInterrupt):
    """What SIGTERM raises."""


@contextmanager
def heeding_sigterm() -> Iterator[None]:
    """As long as the block lasts, SIGTERM interrupts it where Ctrl-C would."""
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def ending_well(left: str) -> Iterator[None]:
    """A block that may be stopped: it says what it leaves, and ends the command as shells expect.

    Exit codes are the shell's own: 128 and the number of the signal.
    """
    try:
        with heeding_sigterm():
            yield
    except KeyboardInterrupt as stop:
        typer.echo(f"federim: stopped; {left}", err=True)
        number = signal.SIGTERM if isinstance(stop, _Stopped) else signal.SIGINT
        raise typer.Exit(128 + number) from None


def resumable(left: str) -> AbstractContextManager[None]:
    """A block that loses nothing if it is stopped: the same command again does the rest."""
    return ending_well(f"{left}, and the same command again does the rest")


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped
