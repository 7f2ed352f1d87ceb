"""`federim trust` and `federim project`, as an operator uses them between a hub and two sites."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from federim.audit import trail
from federim.cli.main import app
from federim.home import Home, Role
from federim.model.errors import HomeError, InputError, UserError


def federim(home: Home, *words: object) -> Result:
    return CliRunner().invoke(app, ["--home", str(home.root), *map(str, words)])


def told(home: Home, *words: object) -> Any:
    result = federim(home, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def hub(make_home: Callable[..., Home], site: Home) -> Home:
    """A hub and a site that know one another from the command line."""
    made = make_home("hub", Role.HUB)
    own = told(made, "trust", "list")["own"][0]
    told(site, "trust", "add", "hub", own["public"], "--kind", "hub", "--sealing", own["sealing"])
    own = told(site, "trust", "list")["own"][0]
    told(made, "trust", "add", "alpha", own["public"], "--kind", "site", "--sealing", own["sealing"])
    return made


def test_who_is_trusted_is_listed_as_what(site: Home, hub: Home) -> None:
    document = told(site, "trust", "list")
    assert document["trusted"].keys() == {"alpha", "hub"}
    [root] = document["roots"]
    assert (root["name"], root["kind"], root["revoked"], root["vouched_by"]) == ("hub", "hub", None, "")
    said = federim(site, "trust", "list").stdout
    assert "this home" in said and "sealing key" in said and hub.signing_key.public in said


def test_what_is_done_to_trust_is_in_the_trail(site: Home, hub: Home) -> None:
    told(site, "trust", "revoke", "hub", "--reason", "stolen", "--as", "olga")
    [event] = trail.events(site, act="trust.revoke")
    assert (event.actor, event.detail) == ("olga", {"name": "hub", "reason": "stolen"})
    [event] = trail.events(site, act="trust.add")
    assert event.detail == {"name": "hub", "public": hub.signing_key.public}


def test_a_refusal_leaves_neither_trust_nor_an_event(site: Home, hub: Home) -> None:
    assert isinstance(federim(site, "trust", "add", "hub", "ab" * 32).exception, HomeError)
    refused = federim(site, "trust", "revoke", "hub", "--reason", "two words", "--as", "olga").exception
    assert isinstance(refused, UserError)
    assert site.trusted["hub"] == hub.signing_key.public
    assert len(trail.events(site, act="trust")) == 1


def test_a_hub_rotates_and_its_site_follows(site: Home, hub: Home, tmp_path: Path) -> None:
    statement = tmp_path / "statement.json"
    told(hub, "trust", "rotate", "--out", statement, "--as", "ada")
    followed = told(site, "trust", "rotate", statement, "--as", "olga")
    assert followed["trusted"]["hub"] == hub.signing_key.public
    assert "replaced on" in federim(site, "trust", "list").stdout
    assert trail.verify(hub).ok
    assert json.loads(statement.read_bytes()) == told(hub, "trust", "list")["own"][1]["statement"]


def test_nothing_is_rotated_where_the_statement_cannot_be_kept(hub: Home, tmp_path: Path) -> None:
    before = hub.signing_key.public
    out = tmp_path / "missing" / "statement.json"
    assert isinstance(federim(hub, "trust", "rotate", "--out", out).exception, InputError)
    assert isinstance(federim(hub, "trust", "rotate").exception, InputError)
    assert hub.signing_key.public == before


def test_a_bundle_goes_from_the_hub_to_a_site(site: Home, hub: Home, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.json"
    told(hub, "trust", "add", "beta", "ab" * 32, "--kind", "site")
    told(hub, "trust", "add", "oprf", "cd" * 32, "--kind", "key-server")
    assert told(hub, "trust", "export", "--out", bundle)["keys"] == 4
    told(site, "trust", "import", bundle)
    assert site.trusted["beta"] == "ab" * 32
    assert site.trust_roots.key_servers == {"cd" * 32}
    said = federim(site, "trust", "revoke", "hub", "--reason", "stolen").stdout
    assert "compare again the keys it vouched for: beta, oprf" in said


@pytest.mark.parametrize("content", [None, b"{", b"[]"])
def test_a_file_that_is_no_document_is_said(site: Home, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "document.json"
    if content is not None:
        path.write_bytes(content)
    for command in ("rotate", "import"):
        assert isinstance(federim(site, "trust", command, path).exception, InputError)


def test_a_project_is_made_and_listed_but_sealed_to_nobody_without_a_plan(hub: Home, tmp_path: Path) -> None:
    made = told(hub, "project", "create", "lesions", "--as", "ada")
    assert made == {"project": "lesions", "hub": "hub", "epoch": None}
    assert told(hub, "project", "list") == {"projects": [made]}
    out = tmp_path / "lesions.sealed"
    refused = federim(hub, "project", "seal", "lesions", "--site", "alpha", "--out", out, "--as", "ada")
    assert "no signed plan" in str(refused.exception) and not out.exists()


def test_a_sealed_key_is_installed_from_its_file(site: Home, hub: Home, tmp_path: Path) -> None:
    from federim_federated import project_key

    made = project_key.create(hub, "lesions")
    source = tmp_path / "lesions.sealed"
    source.write_bytes(project_key.sealed_to(hub, made, site.own_key.sealing))
    assert told(site, "project", "install", source, "--as", "olga")["hub"] == "hub"
    assert "no key server is pinned" in federim(site, "project", "list").stdout
    [event] = trail.events(site, act="project.install")
    assert event.detail == {"project": "lesions", "hub": "hub"}
    missing = federim(site, "project", "install", tmp_path / "absent", "--as", "olga")
    assert isinstance(missing.exception, InputError)
