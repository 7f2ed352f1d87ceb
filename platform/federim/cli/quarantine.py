"""`federim quarantine`: what was refused and why, and which files that was."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from federim.cli.context import AsJson, open_home, report
from federim.home import Role

SHOWN_ROWS = 50

quarantine = typer.Typer(
    help="What was refused and why. Nothing in it holds a value or a path.",
    no_args_is_help=True,
    suggest_commands=False,
)


@quarantine.command("list")
def list_(
    context: typer.Context,
    run: Annotated[str, typer.Option(help="Only what this run was the first to refuse.")] = "",
    as_json: AsJson = False,
) -> None:
    """Count refusals by reason, and show their rows."""
    from federim_pipelines.items import SENTENCES
    from federim_pipelines.locate import refused

    rows = [row for row in refused(open_home(context, Role.SITE)) if not run or row.run_id == run]
    counts = Counter(row.reason for row in rows)
    lines = [f"{count:>9,} {reason}: {SENTENCES[reason]}" for reason, count in counts.most_common()]
    lines += [""] if rows else ["Nothing is in quarantine."]
    for row in rows[:SHOWN_ROWS]:
        where = "" if row.position is None else f" row {row.position}"
        lines.append(
            f"{row.run_id}  {row.source:<6} {row.item[:12]}{where}  {row.reason} {row.detail}".rstrip()
        )
    if len(rows) > SHOWN_ROWS:
        lines.append(f"and {len(rows) - SHOWN_ROWS:,} more: --json shows all")
    report(
        {"reasons": dict(counts), "rows": [asdict(row) for row in rows]}, "\n".join(lines), as_json=as_json
    )


@quarantine.command()
def locate(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="The paths given to ingest. The folders above them may have changed."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Say which of these files are in quarantine and why, on this terminal alone: paths are not stored."""
    from federim_pipelines.items import SENTENCES
    from federim_pipelines.locate import locate as find

    found = list(find(open_home(context, Role.SITE), paths))
    lines = []
    for each in found:
        where = "" if each.refused.position is None else f", row {each.refused.position}"
        changed = "" if each.same else " (the file has changed since)"
        detail = f": {each.refused.detail}" if each.refused.detail else ""
        lines += [f"{each.item.place}{where}{changed}", f"    {SENTENCES[each.refused.reason]}{detail}"]
    report(
        {
            "files": [
                {
                    "path": each.item.place,
                    "position": each.refused.position,
                    "reason": each.refused.reason,
                    "detail": each.refused.detail,
                    "same": each.same,
                }
                for each in found
            ]
        },
        "\n".join(lines) or "None of these files is in quarantine.",
        as_json=as_json,
    )
