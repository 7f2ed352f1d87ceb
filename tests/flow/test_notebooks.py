"""The notebooks run top to bottom on a demonstration's site, through the public researcher's API alone."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from federim.cli.demo.consortium import COHORT, form
from federim.cli.demo.hospitals import write_all
from federim.home import Home
from federim.lake.snapshot import freeze
from federim_pipelines.run import ingest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture
def demo_site(make_home: Callable[..., Home], tmp_path: Path) -> Home:
    """One hospital of the demonstration, ingested, its cohort frozen."""
    home = make_home("chu-nord", test_identities=True)
    raw = next(write_all(tmp_path / "raw", lambda: None))
    ingest(home, [raw.folder])
    (home.cohorts / f"{COHORT}.toml").write_text(form(COHORT))
    freeze(home, COHORT)
    return home


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_uses_the_public_api_alone(path: Path) -> None:
    source = "\n".join(
        cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
    )
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith("federim"), "notebooks use federim.open, not its rooms"
        if isinstance(node, ast.Import):
            for alias in node.names:
                assert not alias.name.startswith("federim") or alias.name == "federim"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        assert not cell.get("outputs"), "outputs may hold patients' values: clear them before committing"


@pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq", "ignore::DeprecationWarning:jupyter_client")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_top_to_bottom(
    path: Path, demo_site: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDERIM_HOME", str(demo_site.root))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("text/html" in output.get("data", {}) for output in shown)
