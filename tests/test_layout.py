"""The house stands as README draws it, and nothing in it shadows Python's own `platform`."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ["platform/federim", "pipelines/federim_pipelines", "federated/federim_federated"]
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_the_standard_librarys_platform_is_intact_from_the_root() -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import platform; print(platform.__file__); platform.system()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()).parent == Path(ast.__file__).parent


def test_nothing_but_federim_sits_in_platform() -> None:
    inside = {path.name for path in (ROOT / "platform").iterdir()} - {"__pycache__"}
    assert inside == {"federim"}


def test_no_module_is_called_platform() -> None:
    named = [path for path in ROOT.rglob("platform.py") if ".venv" not in path.parts]
    packages = [
        path
        for path in ROOT.rglob("platform")
        if path.is_dir() and path != ROOT / "platform" and ".venv" not in path.parts
    ]
    assert named == []
    assert packages == []


def test_the_top_level_is_as_its_user_fixed_it() -> None:
    for name in ["platform", "pipelines", "notebooks", "federated", "tests", "pyproject.toml"]:
        assert (ROOT / name).exists(), f"{name} is missing at the root"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_opens_with_a_sentence(path: Path) -> None:
    if "migrations" in path.parts:
        return
    said = ast.get_docstring(ast.parse(path.read_text()))
    assert said, f"{path.name} has no docstring"
    first = said.split("\n\n")[0]
    assert first.rstrip().endswith((".", "?", "!")), f"{path.name} opens with something that is no sentence"


def test_the_model_imports_the_standard_library_alone() -> None:
    allowed = sys.stdlib_module_names | {"federim"}
    for path in sorted((ROOT / "platform/federim/model").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            for name in names:
                assert name.split(".")[0] in allowed, f"{path.name} imports {name}"
                assert not name.startswith("federim") or name.startswith("federim.model"), (
                    f"{path.name} imports {name}"
                )
