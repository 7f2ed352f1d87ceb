"""A home works on PostgreSQL by configuration alone: migrations, acts and the audit chain."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from federim.audit.trail import acting, verify
from federim.home import Home

pytestmark = pytest.mark.integration


def test_acts_are_chained_in_postgresql(make_home: Callable[..., Home], postgresql_url: str) -> None:
    home = make_home("beta", database_url=postgresql_url)
    with acting(home, "alice", "cohort.freeze", persons=12):
        pass
    with acting(home, "bob", "export.vote", request="2026-001"):
        pass
    assert not (home.root / "federim.sqlite3").exists()
    checked = verify(home)
    assert checked.ok
    assert checked.events == 2
