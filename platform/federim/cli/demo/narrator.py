"""Tell the demonstration step by step, in a few lines a tired person can read, or as one JSON document."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from federim.cli.context import OUT, report


class Narrator:
    """Collects each step's lines and facts; prints the lines as they come unless JSON was asked for."""

    def __init__(self, steps: int, *, as_json: bool) -> None:
        self._steps, self._as_json = steps, as_json
        self._told: list[dict[str, Any]] = []
        self._started = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[Narrator]:
        """One step of the story; what is told inside belongs to it."""
        started = time.monotonic()
        self._told.append({"step": title})
        if not self._as_json:
            OUT.print(f"\n[bold]{len(self._told)}/{self._steps} {title}[/bold]")
        yield self
        self._told[-1]["seconds"] = round(time.monotonic() - started, 1)

    def say(self, line: str, **facts: Any) -> None:
        """One line for people, its facts for programs."""
        self._told[-1].setdefault("facts", []).append(facts) if facts else None
        if not self._as_json:
            OUT.print(f"    {line}", markup=False)

    def end(self, lines: list[str]) -> None:
        """Close the story."""
        seconds = round(time.monotonic() - self._started, 1)
        closing = "\n".join(
            ["", f"Done in {seconds:.0f} s. Have a look:", *(f"    {line}" for line in lines)]
        )
        if self._as_json:
            report({"steps": self._told, "seconds": seconds}, closing, as_json=True)
        else:
            typer.echo(closing)
