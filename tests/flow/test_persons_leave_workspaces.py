"""Who objects leaves every workspace they are in; one that cannot be reached is owed, and said to be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from byte_search import find
from hospital_that_forgets import OFFICER, Hospital, people
from pydicom import dcmread
from typer.testing import CliRunner
from workspaces_of_a_site import KEYS, built, hospital_with_annotations, rows

import federim
from federim.cli.main import app
from federim.home import Home
from federim.identity.exchange import Exchange
from federim.key_rotation import rotate_own
from federim.lake import workspace as workspaces
from federim.model.errors import HomeError
from federim.model.identifiers import Pseudonym
from federim_pipelines.forgetting.beside import forget_persons, renamed
from federim_pipelines.workspace import rewrite
from federim_pipelines.workspace.register import every
from federim_pipelines.workspace.settle import have_leave, settle

WITH_IMAGES, OTHER = people()[:2]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    return hospital_with_annotations(tmp_path_factory.mktemp("site"))


@pytest.fixture
def hospital(template: Hospital, tmp_path: Path) -> Hospital:
    """A hospital with two projects' workspaces beside it."""
    copied = template.copied(tmp_path / "alpha")
    for project in KEYS:
        built(copied.home, project, tmp_path / project, pixels=True)
    return copied


def run(home: Path, *words: str, code: int = 0) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["--home", str(home), *words, "--json"])
    assert done.exit_code == code, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def forget(hospital: Hospital, *more: str) -> dict[str, Any]:
    """The first person objects; what came of it in the workspaces."""
    whom = hospital.pseudonym(WITH_IMAGES)
    done = run(hospital.home.root, "forget", "--pseudonym", whom, "--as", OFFICER, *more)
    told: dict[str, Any] = done["elsewhere"]["workspaces"]
    return told


def traces(hospital: Hospital, place: Path, project: str) -> list[str]:
    """All that tells of the first person in a workspace: pseudonym, keys, names of objects."""
    person_id = Pseudonym(hospital.pseudonym(WITH_IMAGES))
    with Exchange.open(hospital.home) as exchange:
        own = exchange.project_pseudonyms([person_id], KEYS[project])[person_id]
    found = {own}
    for name in ("study", "instance", "instance_file", "measurement", "report", "report_study"):
        for row in rows(place, name):
            if row["person_id"] == own:
                found |= {each for each in row.values() if isinstance(each, str) and len(each) >= 32}
    return sorted(found)


def rest(place: Path, without: str) -> dict[str, list[str]]:
    """All rows of everybody else."""
    names = {path.parent.name for path in place.glob("lake/*/*.parquet")}
    return {
        name: sorted(str(row) for row in rows(place, name) if row["person_id"] != without) for name in names
    }


def own_pseudonym(hospital: Hospital, project: str) -> str:
    person_id = Pseudonym(hospital.pseudonym(WITH_IMAGES))
    with Exchange.open(hospital.home) as exchange:
        return exchange.project_pseudonyms([person_id], KEYS[project])[person_id]


def test_nothing_of_who_objects_is_left_and_all_of_others_is(hospital: Hospital, tmp_path: Path) -> None:
    places = {project: tmp_path / project for project in KEYS}
    secrets = {project: traces(hospital, place, project) for project, place in places.items()}
    kept = {project: rest(place, own_pseudonym(hospital, project)) for project, place in places.items()}
    for project, place in places.items():
        assert {hit.needle for hit in find(place, secrets[project])} == set(range(len(secrets[project])))
    told = forget(hospital)
    assert told["rewritten"] == 2 and told["rows"] > 2 and "pending" not in {k for k, v in told.items() if v}
    for project, place in places.items():
        assert find(place, secrets[project]) == []
        assert find(hospital.home.root, secrets[project]) == []
        assert rest(place, "") == {name: found for name, found in kept[project].items() if found}
        objects = list(place.glob("objects/**/*.dcm"))
        assert {path.name for path in objects} == {
            Path(row["path"]).name for row in rows(place, "instance_file")
        }
        assert len({dcmread(path, stop_before_pixels=True).PatientID for path in objects}) == 1
        found = workspaces.open_checked(Home.open(place))
        assert (found.revision, found.objects) == (1, len(objects))
        with federim.open(place) as opened:
            assert len(opened.sql("FROM person")) == len(people()) - 1
    assert {each.persons for each in every(hospital.home)} == {len(people()) - 1}


def test_who_objects_to_one_project_leaves_its_workspace_alone(hospital: Hospital, tmp_path: Path) -> None:
    secrets = {project: traces(hospital, tmp_path / project, project) for project in KEYS}
    assert forget(hospital, "--project", "one")["rewritten"] == 1
    assert find(tmp_path / "one", secrets["one"]) == []
    assert find(tmp_path / "two", secrets["two"]) != []
    again = built(hospital.home, "one", tmp_path / "again", pixels=True)
    assert again.persons == len(people()) - 1
    assert find(tmp_path / "again", secrets["one"]) == []


def test_a_workspace_that_cannot_be_reached_is_pending_until_it_can(
    hospital: Hospital, tmp_path: Path
) -> None:
    secrets = traces(hospital, tmp_path / "one", "one")
    (tmp_path / "one").rename(tmp_path / "away")
    assert {name: count for name, count in forget(hospital).items() if name != "rows"} == {
        "rewritten": 1,
        "pending": 1,
    }
    listed = {each["project"]: each for each in run(hospital.home.root, "workspace", "list")["workspaces"]}
    assert (listed["one"]["reachable"], listed["one"]["persons_to_leave"]) == (False, 1)
    assert (listed["two"]["reachable"], listed["two"]["persons_to_leave"]) == (True, 0)
    assert run(hospital.home.root, "workspace", "settle", code=1)["pending"] == 1
    with pytest.raises(HomeError, match="not there any more"):
        built(hospital.home, "one", tmp_path / "one")
    (tmp_path / "away").rename(tmp_path / "one")
    assert run(hospital.home.root, "workspace", "settle")["rewritten"] == 1
    assert find(tmp_path / "one", secrets) == []
    assert find(hospital.home.root, secrets) == []


def test_a_workspace_follows_the_keys_its_site_signs_with(hospital: Hospital, tmp_path: Path) -> None:
    rotate_own(hospital.home)
    rotate_own(hospital.home)
    with federim.open(tmp_path / "one") as opened:
        assert len(opened.sql("FROM person")) == len(people())
    assert forget(hospital)["rewritten"] == 2
    with federim.open(tmp_path / "one") as opened:
        assert len(opened.sql("FROM person")) == len(people()) - 1


def test_what_somebody_changed_is_not_signed_anew(hospital: Hospital, tmp_path: Path) -> None:
    path = next((tmp_path / "one").glob("lake/visit_occurrence/*.parquet"))
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1] + b"2")
    assert forget(hospital)["pending"] == 1
    path.write_bytes(content)
    assert run(hospital.home.root, "workspace", "settle")["pending"] == 0


@pytest.mark.parametrize("step", ["discard", "write", "document", "unlink"])
def test_a_kill_at_any_point_is_completed(
    hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The second time something happens the process is gone; the same call again does the rest."""
    secrets = traces(hospital, tmp_path / "one", "one")
    person = Pseudonym(hospital.pseudonym(WITH_IMAGES))
    owner, name = {
        "discard": (rewrite.images, "discard"),
        "write": (rewrite.files, "write"),
        "document": (rewrite.document, "write"),
        "unlink": (Path, "unlink"),
    }[step]
    real, calls = getattr(owner, name), []

    def killed(*given: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == (1 if step == "document" else 2):
            raise KeyboardInterrupt
        return real(*given, **named)

    monkeypatch.setattr(owner, name, killed)
    with pytest.raises(KeyboardInterrupt):
        have_leave(hospital.home, [person])
    monkeypatch.undo()
    done = settle(hospital.home, actor=OFFICER)
    assert done.pending == 0
    assert find(tmp_path / "one", secrets) == []
    found = workspaces.open_checked(Home.open(tmp_path / "one"))
    assert found.objects == len(list((tmp_path / "one").glob("objects/**/*.dcm"))) == 2


def test_a_person_with_another_pseudonym_since_is_found_still(hospital: Hospital, tmp_path: Path) -> None:
    secrets = traces(hospital, tmp_path / "one", "one")
    old, new = Pseudonym(hospital.pseudonym(WITH_IMAGES)), Pseudonym("ab" * 16)
    renamed(hospital.home, old, new)
    assert have_leave(hospital.home, [old]).rewritten == 0
    forget_persons(hospital.home, [new])
    assert find(tmp_path / "one", secrets) == []


def test_a_persons_report_names_the_workspaces_they_are_in(hospital: Hospital) -> None:
    whom = ("subject", "report", "--pseudonym", hospital.pseudonym(OTHER), "--as", OFFICER)
    assert {each.split()[3] for each in run(hospital.home.root, *whom)["workspaces"]} == {"one,", "two,"}
    first, _ = every(hospital.home)
    run(hospital.home.root, "workspace", "remove", first.id)
    assert len(run(hospital.home.root, *whom)["workspaces"]) == 1


def test_a_workspace_is_removed_and_forgotten(hospital: Hospital, tmp_path: Path) -> None:
    first, second = every(hospital.home)
    assert run(hospital.home.root, "workspace", "remove", first.id[:8])["was_there"] is True
    assert not first.place.exists()
    shutil.rmtree(second.place)
    assert run(hospital.home.root, "workspace", "remove", second.id)["was_there"] is False
    assert every(hospital.home) == []
    assert run(hospital.home.root, "workspace", "list") == {"workspaces": []}


def test_what_is_not_the_workspace_is_not_removed(hospital: Hospital, tmp_path: Path) -> None:
    one = next(each for each in every(hospital.home) if each.project == "one")
    (tmp_path / "one").rename(tmp_path / "away")
    (tmp_path / "two").rename(tmp_path / "one")
    run_ = CliRunner().invoke(app, ["--home", str(hospital.home.root), "workspace", "remove", one.id])
    assert run_.exception is not None and (tmp_path / "one" / "workspace.json").exists()


def test_a_build_that_was_killed_is_not_owed(
    hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the register and the folder's name: nothing is there, so nobody has to leave it."""
    real = Path.rename

    def killed(path: Path, to: Path) -> Path:
        if to.name == "late":
            raise KeyboardInterrupt
        return real(path, to)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        built(hospital.home, "one", tmp_path / "late")
    monkeypatch.undo()
    assert len(every(hospital.home)) == 3
    told = forget(hospital)
    assert (told["rewritten"], told.get("pending", 0)) == (2, 0)
    assert len(every(hospital.home)) == 2
    built(hospital.home, "one", tmp_path / "late")
