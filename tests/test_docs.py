"""What is undocumented is broken: commands, options, exit codes and pictures in README come from the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main

from federim.cli.main import app
from federim.model.errors import error_kinds
from federim_pipelines.sources.pacs.worklist import WorkList

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def commands(
    command: click.Command, path: tuple[str, ...] = ("federim",)
) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its full name."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from commands(child, path if name == getattr(command, "default", "") else (*path, name))
    else:
        yield " ".join(path), command


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name: str) -> None:
    command = COMMANDS[name]
    assert command.help, f"{name} has no help"
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name}: {parameter.name} has no help"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README


def test_every_command_in_the_readme_exists() -> None:
    named = set(re.findall(r"^\| `(federim [a-z -]+)` \|", README, flags=re.MULTILINE))
    assert named == set(COMMANDS)


def test_exit_codes_are_all_in_the_readme() -> None:
    for kind in error_kinds():
        said = (kind.__doc__ or "").splitlines()[0]
        assert f"| {kind.exit_code} | `{kind.__name__}` | {said} |" in README


def test_exit_codes_do_not_collide() -> None:
    codes = [kind.exit_code for kind in error_kinds() if kind.__name__ not in ("FederimError", "UserError")]
    assert len(codes) == len(set(codes))
    assert not {0, 1, 2, 70} & set(codes)


def test_readme_names_only_make_verbs_there_are() -> None:
    verbs = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", README)) <= verbs


def test_the_decisions_are_numbered_without_gaps() -> None:
    numbers = [
        int(number)
        for number in re.findall(r"^## (\d+)\. ", (ROOT / "DECISIONS.md").read_text(), flags=re.MULTILINE)
    ]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_work_list_of_the_readme_can_be_used(tmp_path: Path) -> None:
    written = next(
        block for block in re.findall(r"```toml\n(.*?)```", README, re.DOTALL) if "[[query]]" in block
    )
    (tmp_path / "nights.toml").write_text(written)
    assert len(WorkList.load(tmp_path / "nights.toml").queries) == 1
