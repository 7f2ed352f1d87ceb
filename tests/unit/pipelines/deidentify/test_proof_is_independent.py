"""The proof and the cleaner share no code: one's mistake is not the other's."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import federim_pipelines.deidentify as package

FOLDER = Path(package.__path__[0])
PROOF = sorted((FOLDER / "proof").glob("*.py"))
FACTS = {"federim_pipelines.deidentify.dictionaries"}  # tables of the Standard, no judgement


def imports(path: Path) -> set[str]:
    """What a module imports of Federim, but for its types."""
    tree = ast.parse(path.read_text())
    typing = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    only_types = {id(inner) for block in typing for inner in ast.walk(block)}
    return {
        node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and id(node) not in only_types
    } | {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import) and id(node) not in only_types
        for alias in node.names
    }


@pytest.mark.parametrize("path", PROOF, ids=lambda path: path.name)
def test_the_proof_imports_itself_and_tables_alone(path: Path) -> None:
    ours = {name for name in imports(path) if name.startswith(("federim", "federim_pipelines"))}
    assert {name for name in ours if not name.startswith("federim_pipelines.deidentify.proof")} <= FACTS


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_the_cleaner_takes_nothing_of_the_proof_but_the_proof(path: Path) -> None:
    taken = {name for name in imports(path) if name.startswith("federim_pipelines.deidentify.proof")}
    may = {"federim_pipelines.deidentify.proof"}
    if path.name == "tree_proof.py":  # proves what is there already
        may.add("federim_pipelines.deidentify.proof.headers")
    assert taken <= may
