"""Fixtures every test may use: fresh homes, and the real files where they are at hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from federim.database import migrate
from federim.home import Home, Role

SHARED_DATA = Path(__file__).parents[1] / "../shared/data"


@pytest.fixture(autouse=True)
def no_home_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own FEDERIM_… settings must not reach a test."""
    import os

    for name in [name for name in os.environ if name.startswith("FEDERIM_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def shared_data() -> Path:
    """Real DICOM and clinical files; tests that ask for them skip, saying so, where they are absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("../shared/data is not here: real files are not part of the project")
    return SHARED_DATA.resolve()


@pytest.fixture
def make_home(tmp_path: Path) -> Callable[..., Home]:
    """Build a home in a temporary folder: `make_home()` is a site called alpha, migrated."""

    def build(name: str = "alpha", role: Role = Role.SITE, **settings: object) -> Home:
        home = Home.create(tmp_path / name, role=role, name=name, **settings)
        migrate(home)
        return home

    return build


@pytest.fixture
def site(make_home: Callable[..., Home]) -> Home:
    """One site home."""
    return make_home()
