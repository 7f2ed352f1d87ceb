"""`federim workspace build`: the committee's grant and the hub's key make a workspace a researcher opens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hospital_that_forgets import OFFICER, Hospital, people
from typer.testing import CliRunner
from workspaces_of_a_site import granted, hospital_with_annotations, rows

from federim.audit import trail
from federim.cli.main import app
from federim.home import Home, Role
from federim.identity.exchange import Exchange
from federim.lake import snapshot
from federim.lake import workspace as workspaces
from federim.lake.reader import query
from federim.model.errors import HomeError, NotApproved
from federim.model.identifiers import Pseudonym
from federim.model.workspace import WorkspaceGrant
from federim.trust.roots import TrustKind
from federim_federated import project_key

decided = pytest.importorskip(
    "federim.governance.workspaces", reason="what a committee grants is not here yet"
)

PROJECT = "lung-nodules"


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hospital, bytes]:
    """A hospital that has the key a hub made for the project."""
    folder = tmp_path_factory.mktemp("consortium")
    hospital = hospital_with_annotations(folder)
    hub = Home.create(folder / "hub", role=Role.HUB, name="hub")
    hospital.home.trust("hub", hub.signing_key.public, TrustKind.HUB, sealing=hub.own_key.sealing)
    made = project_key.create(hub, PROJECT)
    project_key.install(hospital.home, project_key.sealed_to(hub, made, hospital.home.own_key.sealing))
    return hospital, made.key


@pytest.fixture
def grant(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grant of everything, images too; how a committee comes to it has tests of its own."""

    def all_of_it(home: Home, project: str, wanted: str) -> WorkspaceGrant:
        if project != PROJECT:
            raise NotApproved("no decision")
        assert snapshot.load(home, wanted)
        return granted(home, project, pixels=True)

    monkeypatch.setattr(decided, "granted", all_of_it)


def run(home: Home, *words: str) -> Any:
    done = CliRunner().invoke(app, ["--home", str(home.root), "workspace", *words, "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.usefixtures("grant")
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
        run(hospital.home, "build", PROJECT, "--snapshot", "everyone", "--to", str(place))
    run(hospital.home, "remove", told["workspace"][:6], "--as", OFFICER)
    assert not place.exists()
    assert run(hospital.home, "list")["workspaces"] == []


@pytest.mark.usefixtures("grant")
def test_what_is_built_is_said_to_people(consortium: tuple[Hospital, bytes], tmp_path: Path) -> None:
    hospital, _ = consortium
    root, place = str(hospital.home.root), str(tmp_path / "lung")
    built = CliRunner().invoke(
        app, ["--home", root, "workspace", "build", PROJECT, "--snapshot", "everyone", "--to", place]
    )
    assert "12 persons" in built.stdout and "6 instances" in built.stdout
    shown = CliRunner().invoke(app, ["--home", place, "workspace", "show"])
    assert f"project {PROJECT}" in shown.stdout
    listed = CliRunner().invoke(app, ["--home", root, "workspace", "list"])
    assert PROJECT in listed.stdout and "until 2999-12-31" in listed.stdout


@pytest.mark.usefixtures("grant")
def test_without_a_grant_or_a_key_nothing_is_built(
    consortium: tuple[Hospital, bytes], tmp_path: Path
) -> None:
    hospital, _ = consortium
    with pytest.raises(NotApproved):
        run(hospital.home, "build", "other", "--snapshot", "everyone", "--to", str(tmp_path / "x"))
    assert list(tmp_path.iterdir()) == []


def _persons(home: Home) -> list[dict[str, Any]]:
    with snapshot.connect(home, snapshot.load(home, "everyone")) as connection:
        found: list[dict[str, Any]] = query(connection, "FROM cohort_person", seconds=60).to_pylist()
    return found
