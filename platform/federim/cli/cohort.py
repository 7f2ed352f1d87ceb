"""`federim cohort`: the cohorts a home defines, from a file to a frozen snapshot."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.context import Actor, AsJson, open_home, report
from federim.home import Role
from federim.model.errors import InputError

if TYPE_CHECKING:
    from federim.lake.compiler import CompiledCohort

cohort = typer.Typer(help="Define, count and freeze cohorts.", no_args_is_help=True, suggest_commands=False)


class Lang(StrEnum):
    """`lake.prose.Language`, which takes longer to import than a command may take to be listed."""

    EN = "en"
    FR = "fr"


Said = Annotated[Lang, typer.Option("--lang", help="Language of the words: English or French.")]
Name = Annotated[str, typer.Argument(help="The cohort's name: cohorts/NAME.toml in the home.")]


@cohort.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the cohorts and their snapshots."""
    from federim.lake import cohort as cohorts
    from federim.lake import snapshot as snapshots

    home = open_home(context, Role.SITE, Role.WORKSPACE)
    frozen = snapshots.every(home)
    rows = [
        {
            "cohort": name,
            "title": cohorts.load(home, name).title,
            "snapshots": [snapshot.id for snapshot in frozen if snapshot.cohort == name],
        }
        for name in cohorts.names(home)
    ]
    lines = [
        "\n".join([f"{row['cohort']:<24} {row['title']}", *(f"    {id_}" for id_ in row["snapshots"])])
        for row in rows
    ]
    report(
        {"cohorts": rows},
        "\n".join(lines) or f"no cohort yet: write one as {home.cohorts}/NAME.toml",
        as_json=as_json,
    )


@cohort.command()
def show(
    context: typer.Context,
    name: Name,
    lang: Said = Lang.EN,
    toml: Annotated[bool, typer.Option("--toml", help="Show it as TOML that reads back the same.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say a cohort's definition in plain English or French, whole, for a committee to sign."""
    from federim.lake import cohort as cohorts
    from federim.lake.definition_text import to_toml
    from federim.lake.prose import Language, describe

    definition = cohorts.load(open_home(context, Role.SITE, Role.WORKSPACE), name)
    said = describe(definition, Language(lang))
    document = {**definition.as_document(), "title": definition.title, "description": said}
    report(
        {**document, "toml": to_toml(definition)} if toml else document,
        to_toml(definition) if toml else said,
        as_json=as_json,
    )


@cohort.command()
def attrition(
    context: typer.Context,
    name: Name,
    lang: Said = Lang.EN,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Also write the flow chart there, as SVG.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count how many persons and series each rule leaves; small counts are hidden."""
    from federim.lake import attrition as counting
    from federim.lake import attrition_picture
    from federim.lake import cohort as cohorts
    from federim.lake.prose import Language

    home, language = open_home(context, Role.SITE, Role.WORKSPACE), Language(lang)
    found = counting.of_home(home, cohorts.load(home, name), language)
    document, text = found.as_document(), attrition_picture.as_text(found, language)
    if picture is not None:
        try:
            picture.write_text(attrition_picture.as_svg(found, language), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{picture}: the picture cannot be written: {error.strerror}") from None
        document["picture"] = str(picture)
        text = f"{text}\n{picture}"
    report(document, text, as_json=as_json)


@cohort.command()
def count(
    context: typer.Context,
    name: Name,
    sql: Annotated[bool, typer.Option("--sql", help="Also show the SQL and its parameters.")] = False,
    as_json: AsJson = False,
) -> None:
    """Count a cohort's persons and series on today's tables."""
    from federim.lake import cohort as cohorts

    home = open_home(context, Role.SITE, Role.WORKSPACE)
    definition = cohorts.load(home, name)
    members = cohorts.members(home, definition)
    counted = {"cohort": name, "persons": members.persons.num_rows, "series": members.series.num_rows}
    text = f"{counted['persons']:,} persons, {counted['series']:,} series"
    if sql:
        compiled = cohorts.compile(definition)
        counted |= {"sql": compiled.sql, "parameters": compiled.parameters}
        text = f"{_readable(compiled)}\n\n{text}"
    report(counted, text, as_json=as_json)


@cohort.command("sql")
def sql_(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Show the SQL a cohort is compiled to, and its parameters."""
    from federim.lake import cohort as cohorts

    compiled = cohorts.compile(cohorts.load(open_home(context, Role.SITE, Role.WORKSPACE), name))
    document = {"sql": compiled.sql, "series_sql": compiled.series_sql, "parameters": compiled.parameters}
    report(document, _readable(compiled), as_json=as_json)


@cohort.command()
def freeze(context: typer.Context, name: Name, actor: Actor = "operator", as_json: AsJson = False) -> None:
    """Write a snapshot: the cohort's persons and series, and the files they were read from."""
    from federim.lake import faces
    from federim.lake import snapshot as snapshots

    home = open_home(context, Role.SITE)
    frozen = snapshots.freeze(home, name, actor=actor)
    with snapshots.connect(home, frozen) as connection:
        held = len(faces.held(connection, seconds=home.settings.query_seconds))
    report(
        {
            "snapshot": frozen.id,
            "sha256": frozen.sha256,
            "persons": frozen.persons,
            "series": frozen.series,
            "held_series": held,
            "files": len(frozen.files),
        },
        f"{frozen.id}\n{frozen.persons:,} persons, {frozen.series:,} series, {len(frozen.files):,} files\n"
        f"sha256 {frozen.sha256}"
        + (f"\n{held:,} series may show a face: held from training and from leaving" if held else ""),
        as_json=as_json,
    )


def _readable(compiled: CompiledCohort) -> str:
    parameters = "\n".join(f"-- ${name} = {value!r}" for name, value in compiled.parameters.items())
    return f"{compiled.sql}\n\n-- series\n{compiled.series_sql}\n\n{parameters}"
