"""Commands are imported when they are asked for, and a group may have one that needs no name."""

from __future__ import annotations

import subprocess
import sys

import typer
from typer.testing import CliRunner

from federim.cli.nouns import Nouns, WithDefault

toy = typer.Typer(cls=WithDefault)


@toy.command(WithDefault.default)
def folder(source: str, fast: bool = False) -> None:
    """Do it."""
    typer.echo(f"did {source} {'fast' if fast else 'slowly'}")


@toy.command()
def review(name: str) -> None:
    """Look at it."""
    typer.echo(f"looked at {name}")


def said(*words: str) -> str:
    return CliRunner().invoke(toy, list(words)).output.strip()


def test_the_first_word_that_is_no_command_is_the_default_ones() -> None:
    assert said("inbox") == "did inbox slowly"
    assert said("--fast", "inbox") == "did inbox fast"
    assert said("inbox", "--fast") == "did inbox fast"


def test_a_command_that_is_named_is_run() -> None:
    assert said("review", "inbox") == "looked at inbox"


def test_the_help_is_the_default_commands() -> None:
    assert "Do it." in said("--help")
    assert "Look at it." in said("review", "--help")


def test_every_noun_is_where_the_table_says() -> None:
    group = Nouns(name="federim")
    context = group.make_context("federim", ["sql"])
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        assert command.name == name


def test_a_noun_costs_nothing_until_it_is_asked_for() -> None:
    script = "import sys, federim.cli.main; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"rich", "pydantic", "django", "pyarrow", "cryptography"} & set(done.stdout.split())
