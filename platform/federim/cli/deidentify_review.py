"""`federim deidentify review`: the texts that entered the lake, for a person of the site to judge."""

from __future__ import annotations

from typing import Annotated

import typer

from federim.cli.context import Actor, AsJson, open_home, report

SHOWN_TEXTS = 200


def review(
    context: typer.Context,
    approve: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Approve the text of this number.")
    ] = None,
    reject: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="Reject it: no later ingest lets it through."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Approve every text that nobody has decided of and none rejects.")
    ] = False,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """List each distinct text that de-identification let into the lake, and decide of them."""
    from federim.home import Role
    from federim_pipelines.deidentify.dictionaries import keyword_of
    from federim_pipelines.review import Review, State

    approved, rejected = approve or [], reject or []
    with Review(open_home(context, Role.SITE)) as kept:
        if every:
            new = [text.id for text in kept.texts() if text.state is State.NEW]
            approved = [*approved, *(id_ for id_ in new if id_ not in rejected)]
        if approved or rejected:
            kept.decide(approve=approved, reject=rejected, actor=actor)
        texts = kept.texts()
    rows = [
        {
            "number": text.id,
            "attribute": keyword_of(text.tag) or f"{text.tag:08X}",
            "text": text.text,
            "count": text.count,
            "state": text.state.value,
        }
        for text in texts
    ]
    lines = [
        f"{row['number']:>7}  {row['state']:<8} {row['count']:>9,}  {row['attribute']:<32} {row['text']}"
        for row in rows[:SHOWN_TEXTS]
    ]
    if len(rows) > SHOWN_TEXTS:
        lines.append(f"and {len(rows) - SHOWN_TEXTS:,} more: --json shows all")
    if rejected:
        lines.append("Objects that hold a rejected text already are not changed.")
    report({"texts": rows}, "\n".join(lines) or "No text was let into this lake.", as_json=as_json)
