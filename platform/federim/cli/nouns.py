"""Groups of commands that cost no time until they are asked for."""

from __future__ import annotations

from importlib import import_module

import click
import typer
from typer.core import TyperGroup
from typer.main import get_command


class Nouns(TyperGroup):
    """The nouns after `federim`, each imported when its command is.

    Federim's libraries take longer to import than most commands take to run.
    """

    places = {  # noqa: RUF012 — Click makes the group, so it can be given no argument
        "init": "federim.cli.homes:init",
        "demo": "federim.cli.demo.command:demo",
        "ingest": "federim.cli.ingest:ingest",
        "receive": "federim.cli.receive:receive",
        "listen": "federim.cli.listen:listen",
        "pull": "federim.cli.pull:pull",
        "sql": "federim.cli.sql:sql",
        "ins": "federim.cli.ins:ins",
        "keyserver": "federim.cli.keyserver:keyserver",
        "vault": "federim.cli.vault:vault",
        "deidentify": "federim.cli.deidentify:deidentify",
        "run": "federim.cli.run:run",
        "vocabulary": "federim.cli.vocabulary:vocabulary",
        "quarantine": "federim.cli.quarantine:quarantine",
        "parked": "federim.cli.parked:parked",
        "annotate": "federim.cli.annotations:annotate",
        "images": "federim.cli.images:images",
        "cohort": "federim.cli.cohort:cohort",
        "workspace": "federim.cli.workspace:workspace",
        "lake": "federim.cli.lake:lake",
        "federated": "federim.cli.federated:federated",
        "project": "federim.cli.project:project",
        "export": "federim.cli.export:export",
        "member": "federim.cli.member:member",
        "reidentify": "federim.cli.reidentify:reidentify",
        "forget": "federim.cli.rights:forget",
        "restore": "federim.cli.rights:restore",
        "subject": "federim.cli.rights:subject",
        "notices": "federim.cli.notices:notices",
        "retention": "federim.cli.retention:retention",
        "purge": "federim.cli.purge:purge",
        "audit": "federim.cli.audit:audit",
        "trust": "federim.cli.trust:trust",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 — Click's signature
        """All nouns, in the order of the help."""
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command or group of a noun; None if there is none."""
        if cmd_name not in self.commands and cmd_name in self.places:
            module, _, attribute = self.places[cmd_name].partition(":")
            self.commands[cmd_name] = _command(cmd_name, getattr(import_module(module), attribute))
        return self.commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with; if there is none, the error suggests the nearest noun."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand:
            raise click.NoSuchCommand(args[0], possibilities=self.places, ctx=ctx) from None


class WithDefault(TyperGroup):
    """A group that runs its command `default` where the first word is none of its commands."""

    default = "IN OUT"  # as the help shows it; two words, so no folder is taken for it

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave every word, options too, to a command."""
        if not args or args[0] not in self.commands:
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with; the default one bears the group's own name."""
        name, command, rest = super().resolve_command(ctx, args)
        return (None if name == self.default else name), command, rest


def _command(name: str, noun: typer.Typer | object) -> click.Command:
    if isinstance(noun, typer.Typer):
        command = get_command(noun)
    else:
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
        alone.command(name)(noun)  # type: ignore[type-var]
        command = get_command(alone)
    command.name = name
    return command
