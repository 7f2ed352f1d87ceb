"""`federim run`: what each import of a home read, refused and proved."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from federim.cli.context import AsJson, open_home, report
from federim.model.errors import UnknownName

if TYPE_CHECKING:
    from federim.home import Home

run = typer.Typer(help="The imports of a home.", no_args_is_help=True, suggest_commands=False)

_COUNTS = {
    "files_read": "files read",
    "files_accepted": "accepted",
    "files_duplicate": "duplicates: nothing new in them",
    "files_quarantined": "quarantined",
}


@run.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show every import, the latest first."""
    rows = _runs(_home(context))
    lines = [f"{'run':<26} {'read':>11} {'accepted':>11} {'duplicates':>11} {'quarantined':>11}"]
    lines += [
        " ".join([f"{row['run_id']:<26}", *(f"{row[count]:>11,}" for count in _COUNTS)]) for row in rows
    ]
    report({"runs": rows}, "\n".join(lines) if rows else "Nothing was imported yet.", as_json=as_json)


@run.command()
def show(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="RUN", help="A run of the list.", show_default="the latest")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Show one import: its numbers, its policy, why files were refused, and what the proof found."""
    from federim_pipelines.items import SENTENCES, Reason
    from federim_pipelines.locate import refused

    home = _home(context)
    rows = _runs(home)
    row = next((row for row in rows if name in ("", row["run_id"])), None)
    if row is None:
        raise UnknownName("run", name, [each["run_id"] for each in rows])
    mine = [each for each in refused(home) if each.run_id == row["run_id"]]
    reasons = Counter(each.reason for each in mine)
    found = Counter(each.detail for each in mine if each.reason is Reason.PROOF)
    lines = [
        f"{row['run_id']}: Federim {row['version']}, policy {row['policy']}",
        *(f"{row[count]:>9,} {words}" for count, words in _COUNTS.items()),
        f"{_parked(row):>9,} parked: they waited for the key server",
        f"{reasons[Reason.PROOF]:>9,} of them by the proof; every object in the lake passed it",
        *(f"{files:>13,} {what}" for what, files in found.most_common()),
    ]
    if reasons:
        lines += ["", "First refused by this run, files and single records:"]
        lines += [f"{count:>9,} {why}: {SENTENCES[why]}" for why, count in reasons.most_common()]
    report(
        {**row, "reasons": dict(reasons), "proof": {"hits": reasons[Reason.PROOF], "found": dict(found)}},
        "\n".join(lines),
        as_json=as_json,
    )


def _parked(row: dict[str, Any]) -> int:
    told = ("files_accepted", "files_duplicate", "files_quarantined")
    parked: int = row["files_read"] - sum(row[count] for count in told)
    return parked


def _home(context: typer.Context) -> Home:
    from federim.home import Role

    return open_home(context, Role.SITE)


def _runs(home: Home) -> list[dict[str, Any]]:
    from federim.lake.reader import connect_home, query

    with connect_home(home) as connection:
        rows: list[dict[str, Any]] = query(
            connection, "SELECT * FROM run ORDER BY started_at DESC", seconds=home.settings.query_seconds
        ).to_pylist()
    return rows
