"""Each import contract holds, and breaks on a deliberate bad import."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ["platform/federim", "pipelines/federim_pipelines", "federated/federim_federated"]

# contract, module that gets the bad import, the import
TRESPASSES = [
    ("floors", "platform/federim/lake/schema.py", "import federim.governance"),
    ("floors", "platform/federim/lake/schema.py", "import federim.identity.exchange"),
    ("floors", "platform/federim/identity/exchange.py", "import federim.lake.schema"),
    ("floors", "platform/federim/audit/trail.py", "import federim.lake.schema"),
    ("floors", "platform/federim/database.py", "import federim.audit.trail"),
    ("floors", "platform/federim/home.py", "import federim.database"),
    ("floors", "platform/federim/keys.py", "import federim.home"),
    ("floors", "platform/federim/trust/roots.py", "import federim.home"),
    ("floors", "platform/federim/home.py", "import federim.signed"),
    ("floors", "platform/federim/sealed.py", "import federim.database"),
    ("floors", "platform/federim/governance/moves.py", "import federim.cli.context"),
    ("floors", "platform/federim/governance/moves.py", "import federim_pipelines.items"),
    ("floors", "federated/federim_federated/gate.py", "import federim_pipelines.items"),
    ("model-stands-alone", "platform/federim/model/errors.py", "import federim.home"),
    ("model-stands-alone", "platform/federim/model/errors.py", "import pyarrow"),
    ("vault-has-one-door", "pipelines/federim_pipelines/items.py", "import federim.identity.vault"),
    ("vault-has-one-door", "platform/federim/governance/moves.py", "import federim.identity.vault"),
    ("pipelines-know-no-committee", "pipelines/federim_pipelines/items.py", "import federim.governance"),
    ("pipelines-know-no-committee", "pipelines/federim_pipelines/items.py", "import federim_federated"),
    ("pipelines-know-no-committee", "pipelines/federim_pipelines/items.py", "import federim.portal"),
    ("portal-reads-no-lake", "platform/federim/portal/settings.py", "import federim.lake.reader"),
    ("one-way-out", "federated/federim_federated/gate.py", "import federim.lake.manifest"),
]


def lint(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(str(tree / Path(package).parent) for package in PACKAGES)
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the three packages and the contracts."""
    copy = tmp_path_factory.mktemp("house")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def test_every_contract_holds(tree: Path) -> None:
    result = lint(tree)
    assert result.returncode == 0, result.stdout


def test_every_contract_has_a_trespass_here() -> None:
    import tomllib

    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in contracts} == {contract for contract, _, _ in TRESPASSES}


@pytest.mark.parametrize(("contract", "module", "bad"), TRESPASSES, ids=lambda value: value.split("/")[-1])
def test_a_bad_import_breaks_its_contract(tree: Path, contract: str, module: str, bad: str) -> None:
    target = tree / module
    sound = target.read_text()
    try:
        target.write_text(f"{sound}\n{bad}\n")
        result = lint(tree, "--contract", contract)
    finally:
        target.write_text(sound)
    assert result.returncode == 1
    assert "BROKEN" in result.stdout
