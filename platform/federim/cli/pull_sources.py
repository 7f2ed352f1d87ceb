"""`federim pull sources`: the signed list of the DRIMbox sources that sites may pull from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from federim.cli.context import AsJson, open_home, report
from federim.model.errors import InputError


def sources(
    context: typer.Context,
    listed: Annotated[
        Path, typer.Argument(metavar="SOURCES.toml", help="One [[source]] each: name, url, certificates …")
    ],
    to: Annotated[Path, typer.Option(help="The signed list to write, for every site.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Sign a list of DRIMbox sources with this home's key; sites that trust the key may pull from them."""
    from federim_pipelines.sources.drimbox.allow_list import signed

    document = signed(open_home(context), listed)
    try:
        to.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    except OSError as error:
        raise InputError(f"{to}: {error.strerror}") from None
    names = [source["name"] for source in document["sources"]]
    report(
        {"file": str(to), "sources": names, "expires": document["expires"], "signer": document["signer"]},
        f"{to}: {len(names)} sources until {document['expires']}, signed by {document['signer']}",
        as_json=as_json,
    )
