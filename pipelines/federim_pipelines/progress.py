"""Show how far a run is: a bar on a terminal, a line a minute elsewhere. It counts, and names nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

SECONDS_BETWEEN_LINES = 60.0


class Watch(Protocol):
    """Who wants to know how far a run is."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A part of the run begins, of `total` steps where that is known."""

    def advance(self) -> None:
        """One more person or file."""


class Silence:
    """Nobody watches."""

    def stage(self, name: str, total: int | None = None) -> None: ...

    def advance(self) -> None: ...


@contextmanager
def shown(console: Console) -> Iterator[Watch]:
    """Show a run's progress on `console`, as suits it."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        _Count(),
        _Speed(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Bar(bar)


class _Bar:
    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("starting", total=None)

    def stage(self, name: str, total: int | None = None) -> None:
        self._bar.reset(self._task, description=name, total=total)

    def advance(self) -> None:
        self._bar.advance(self._task)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._name, self._count = "", 0
        self._total = ""
        self._began = self._told = time.monotonic()

    def stage(self, name: str, total: int | None = None) -> None:
        self._name, self._count = name, 0
        self._total = "" if total is None else f" of {total:,}"
        self._began = self._told = time.monotonic()

    def advance(self) -> None:
        self._count += 1
        now = time.monotonic()
        if now - self._told >= SECONDS_BETWEEN_LINES:
            self._told = now
            elapsed = now - self._began
            done = f"{self._name}: {self._count:,}{self._total}"
            self._console.print(f"{done} in {elapsed:.0f} s, {self._count / elapsed:,.0f}/s")


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        total = "" if task.total is None else f" of {int(task.total):,}"
        return Text(f"{int(task.completed):,}{total}")


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")
