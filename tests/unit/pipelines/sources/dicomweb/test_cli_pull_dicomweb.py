"""`federim pull dicomweb` from the command line, at a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from asgi_servers import Serve
from dicomweb_store import Store, scan
from typer.testing import CliRunner

from federim.cli.main import app
from federim.home import Home
from federim.model.errors import InputError


def test_a_pull_reports_what_came(site: Home, serve: Serve, store: Store, tmp_path: Path) -> None:
    store.add(scan("1.2.3.1.1"), scan("1.2.3.1.2"))
    store.token = "t0ken"
    file = tmp_path / "token"
    file.write_text("t0ken\n")
    words = [
        "--home",
        str(site.root),
        "pull",
        "dicomweb",
        f"{serve(store.app())}/rs",
        "--token-file",
        str(file),
    ]
    told = CliRunner().invoke(app, [*words, "--query", "ModalitiesInStudy=CT", "--json"])
    assert told.exit_code == 0, told.output
    document = json.loads(told.stdout)
    assert (document["studies"], document["instances"], document["ingest"]["accepted"]) == (1, 2, 2)
    told = CliRunner().invoke(app, words)
    assert "0 instances retrieved" in told.stdout


def test_the_token_is_no_word_of_the_command_line(site: Home) -> None:
    told = CliRunner().invoke(app, ["pull", "dicomweb", "--help"], terminal_width=200)
    assert "--token-file" in told.stdout
    assert "--token " not in told.stdout


def test_half_a_client_is_none(site: Home) -> None:
    words = [
        "--home",
        str(site.root),
        "pull",
        "dicomweb",
        "https://h.example",
        "--token-issuer",
        "https://i.example",
    ]
    with pytest.raises(InputError, match="needs --client-id"):
        CliRunner().invoke(app, words, catch_exceptions=False)
