"""`federim workspace build`: the committee's grant and the hub's key make a workspace a researcher opens."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from hospital_that_forgets import OFFICER, Hospital, people
from typer.testing import CliRunner
from workspaces_of_a_site import everything, hospital_with_annotations, rows

import federim
from federim.audit import trail
from federim.cli.main import app
from federim.database import alias
from federim.home import Home, Role
from federim.identity.exchange import Exchange
from federim.lake import snapshot
from federim.lake import workspace as workspaces
from federim.lake.reader import query
from federim.model.errors import HomeError, NotApproved
from federim.model.identifiers import Pseudonym
from federim.trust.roots import TrustKind
from federim_federated import project_key

PROJECT = "lung-nodules"
LAST = (date.today() + timedelta(days=365)).isoformat()


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hospital, bytes]:
    """A hospital that has the key a hub made for the project."""
    folder = tmp_path_factory.mktemp("consortium")
    hospital = hospital_with_annotations(folder)
    hub = Home.create(folder / "hub", role=Role.HUB, name="hub")
    hospital.home.trust("hub", hub.signing_key.public, TrustKind.HUB, sealing=hub.own_key.sealing)
    made = project_key.create(hub, PROJECT)
    project_key.install(hospital.home, project_key.sealed_to(hub, made, hospital.home.own_key.sealing))
    _approved(hospital.home, folder)
    connections[alias(hospital.home)].close()
    return hospital, made.key


def _approved(home: Home, folder: Path) -> None:
    """The whole of it is asked, measured, voted and decided as people do it."""
    frozen = snapshot.load(home, "everyone")
    form = {
        "project": PROJECT,
        "purpose": "scientific-research",
        "question": "Which nodules grow?",
        "route": "mr-004",
        "reference": "F20260001",
        "format": "workspace",
        "pixels": True,
        "ends": LAST,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in form.items() if key != "ends"]
    lines += [f"ends = {LAST}", "[[snapshots]]", f'site = "{home.name}"', f'id = "{frozen.id}"']
    lines.append(f'sha256 = "{frozen.sha256}"')
    for table, columns in everything(pixels=False).items():
        if columns:
            why = f'why = "to follow nodules"\ncolumns = {json.dumps(columns)}'
            lines.append(f'[[tables]]\nfrom = "{table}"\n{why}')
    path = folder / "form.toml"
    path.write_text("\n".join(lines))
    number = say(home, "export", "request", str(path), "--as", "ada")["request"]
    told = CliRunner().invoke(app, ["--home", str(home.root), "export", "assess", number, "--as", OFFICER])
    assert told.exit_code == 0 and "single persons' data under pseudonyms, not anonymous" in told.stdout
    say(home, "export", "submit", number, "--as", "ada")
    say(home, "export", "review", number, "--due", LAST, "--as", "carl")
    shown = CliRunner().invoke(app, ["--home", str(home.root), "export", "show", number, "--as", "mia"])
    assert f"asks a workspace until {LAST}" in shown.stdout and "their images too" in shown.stdout
    for member in ("mia", "noe", "pia"):
        say(home, "export", "vote", number, "approve", "--reason", "because", "--as", member)
    assert say(home, "export", "decide", number, "--as", "carl")["ends"] == LAST


def say(home: Home, *words: str) -> Any:
    """What a command answers."""
    done = CliRunner().invoke(app, ["--home", str(home.root), *words, "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def run(home: Home, *words: str) -> Any:
    return say(home, "workspace", *words)


def test_a_workspace_is_built_listed_and_removed(consortium: tuple[Hospital, bytes], tmp_path: Path) -> None:
    hospital, key = consortium
    place = tmp_path / "lung"
    told = run(hospital.home, "build", PROJECT, "--snapshot", "everyone", "--to", str(place), "--as", OFFICER)
    assert (told["project"], told["persons"], told["objects"]) == (PROJECT, len(people()), 6)
    assert workspaces.open_checked(Home.open(place)).id == told["workspace"]
    lake = [Pseudonym(each["person_id"]) for each in _persons(hospital.home)]
    with Exchange.open(hospital.home) as exchange:
        own = set(exchange.project_pseudonyms(lake, key).values())
    assert {row["person_id"] for row in rows(place, "person")} == own
    [listed] = run(hospital.home, "list")["workspaces"]
    assert (listed["id"], listed["reachable"], listed["removal_due"]) == (told["workspace"], True, False)
    [event] = trail.events(hospital.home, act="workspace.build")
    assert (event.actor, event.detail["persons"], event.detail["objects"]) == (OFFICER, len(people()), 6)
    with pytest.raises(HomeError, match="there already"):
        run(hospital.home, "build", PROJECT, "--snapshot", "everyone", "--to", str(place), "--as", OFFICER)
    run(hospital.home, "remove", told["workspace"][:6], "--as", OFFICER)
    assert not place.exists()
    assert run(hospital.home, "list")["workspaces"] == []


def test_what_is_built_is_said_to_people(consortium: tuple[Hospital, bytes], tmp_path: Path) -> None:
    hospital, _ = consortium
    root, place = str(hospital.home.root), str(tmp_path / "lung")
    words = ["workspace", "build", PROJECT, "--snapshot", "everyone", "--to", place, "--as", OFFICER]
    built = CliRunner().invoke(app, ["--home", root, *words])
    assert "12 persons" in built.stdout and "6 instances" in built.stdout
    shown = CliRunner().invoke(app, ["--home", place, "workspace", "show"])
    assert f"project {PROJECT}" in shown.stdout
    listed = CliRunner().invoke(app, ["--home", root, "workspace", "list"])
    assert PROJECT in listed.stdout and f"until {LAST}" in listed.stdout


def test_without_a_grant_or_a_key_nothing_is_built(
    consortium: tuple[Hospital, bytes], tmp_path: Path
) -> None:
    hospital, _ = consortium
    with pytest.raises(NotApproved):
        run(
            hospital.home,
            *("build", "other", "--snapshot", "everyone", "--to", str(tmp_path / "x"), "--as", OFFICER),
        )
    assert list(tmp_path.iterdir()) == []
    [event] = trail.events(hospital.home, act="workspace.refuse")
    assert (event.actor, event.detail["project"]) == (OFFICER, "unknown")


def test_a_researcher_opens_what_was_built(consortium: tuple[Hospital, bytes], tmp_path: Path) -> None:
    hospital, key = consortium
    place = tmp_path / "lung"
    run(hospital.home, "build", PROJECT, "--snapshot", "everyone", "--to", str(place), "--as", OFFICER)
    with federim.open(place) as opened:
        found = opened.sql("SELECT person_id, count(*) AS n FROM measurement GROUP BY ALL")
    lake = [Pseudonym(each["person_id"]) for each in _persons(hospital.home)]
    with Exchange.open(hospital.home) as exchange:
        own = set(exchange.project_pseudonyms(lake, key).values())
    assert set(found["person_id"]) == own


def _persons(home: Home) -> list[dict[str, Any]]:
    with snapshot.connect(home, snapshot.load(home, "everyone")) as connection:
        found: list[dict[str, Any]] = query(connection, "FROM cohort_person", seconds=60).to_pylist()
    return found
