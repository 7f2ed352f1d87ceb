"""A command that is stopped says what is left, ends as shells expect, and leaves signals as they were."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest
from typer import Exit

from federim.cli.stopping import resumable


@pytest.fixture(autouse=True)
def ctrl_c_interrupts() -> Iterator[None]:
    """Workers of pytest-xdist ignore SIGINT, which a terminal's command does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_the_shells_own_code(
    number: signal.Signals, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Exit) as stop, resumable("what arrived stays"):
        os.kill(os.getpid(), number)
        time.sleep(10)  # it is interrupted at once; what ignored the signal would fail here, and not hang
    assert stop.value.exit_code == code
    assert signal.getsignal(signal.SIGTERM) is before
    assert "what arrived stays, and the same command again does the rest" in capsys.readouterr().err
