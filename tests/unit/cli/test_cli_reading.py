"""The options of commands that read say who reads, and warn where that is dangerous."""

from __future__ import annotations

import pytest

from federim.cli.reading import is_open_to_others


@pytest.mark.parametrize(
    ("address", "open_"),
    [
        ("tcp://127.0.0.1:8786", False),
        ("localhost:8786", False),
        ("tcp://[::1]:8786", False),
        ("tls://10.1.2.3:8786", False),
        ("tcp://10.1.2.3:8786", True),
        ("node7:8786", True),
        ("ws://node7:8786", True),
    ],
)
def test_a_scheduler_that_anybody_reaches_is_warned_of(address: str, open_: bool) -> None:
    assert is_open_to_others(address) == open_
