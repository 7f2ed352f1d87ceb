"""What a run shows of how far it is."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from federim_pipelines import progress
from federim_pipelines.progress import shown


def test_off_a_terminal_a_line_is_told_each_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 1e-9)
    out = io.StringIO()
    with shown(Console(file=out, force_terminal=False)) as watch:
        watch.stage("files")
        watch.advance()
        watch.advance()
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert all(re.fullmatch(r"files: \d in \d+ s, [\d,]+/s", line) for line in lines)


def test_a_short_run_off_a_terminal_says_nothing() -> None:
    out = io.StringIO()
    with shown(Console(file=out, force_terminal=False)) as watch:
        watch.stage("files")
        watch.advance()
    assert out.getvalue() == ""


def test_on_a_terminal_a_bar_counts() -> None:
    out = io.StringIO()
    with shown(Console(file=out, force_terminal=True, width=100)) as watch:
        watch.stage("files")
        for _ in range(1234):
            watch.advance()
    assert "1,234" in out.getvalue()
