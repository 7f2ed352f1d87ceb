"""A command line to type into, on a site of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from federim.cli.main import app
from federim.home import Home

Federim = Callable[..., Result]


@pytest.fixture
def federim(site: Home) -> Federim:
    """Run a command on a site."""

    def run(*words: str | Path) -> Result:
        result = CliRunner().invoke(app, ["--home", str(site.root), *map(str, words)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
