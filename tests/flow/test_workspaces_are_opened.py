"""A workspace opens for research as its site signed it, until its last day, and not otherwise."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hospital_that_forgets import Hospital, image_of, people
from pydicom import dcmread
from typer.testing import CliRunner
from workspaces_of_a_site import KEYS, built, granted, hospital_with_annotations

import federim
from federim import signed
from federim.cli.main import app
from federim.home import Home, Role
from federim.lake import snapshot
from federim.lake import workspace as workspaces
from federim.model.errors import (
    FederimError,
    HomeError,
    NotApproved,
    SchemaError,
    UnknownName,
    VerificationFailed,
)
from federim_pipelines.run import ingest
from federim_pipelines.workspace import build as building
from federim_pipelines.workspace.build import ProjectSecrets, build
from federim_pipelines.workspace.register import every

COHORT = 'title = "CT"\n\n[[series]]\nModality = "CT"\n'


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    return hospital_with_annotations(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def whole(hospital: Hospital, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("workspaces") / "one"
    built(hospital.home, "one", place, pixels=True)
    return place


@pytest.fixture
def place(whole: Path, tmp_path: Path) -> Path:
    """A copy of the workspace, which may be spoilt."""
    return Path(shutil.copytree(whole, tmp_path / "one"))


def test_a_researcher_counts_and_asks(place: Path) -> None:
    (place / "cohorts" / "ct.toml").write_text(COHORT)
    with federim.open(place) as opened:
        assert opened.count("ct") == {"persons": 2, "series": 2}
        joined = opened.sql(
            "SELECT p.site, count(*) AS n FROM person p JOIN measurement m USING (person_id) GROUP BY 1"
        )
        assert joined.to_dict("records") == [{"site": "alpha", "n": 2 * len(people())}]
        assert "linked" not in set(opened.describe("person")["column"])
        with pytest.raises(UnknownName):
            opened.sql("FROM quarantine")
    counted = CliRunner().invoke(app, ["--home", str(place), "cohort", "count", "ct", "--json"])
    assert json.loads(counted.stdout)["persons"] == 2
    shown = CliRunner().invoke(app, ["--home", str(place), "workspace", "show", "--json"])
    assert json.loads(shown.stdout)["objects"] == 6


def test_images_that_may_show_a_face_stay_and_their_rows_come(hospital: Hospital, tmp_path: Path) -> None:
    copied = hospital.copied(tmp_path / "alpha")
    path = image_of(tmp_path / "face" / "1.dcm", people()[2], 1)
    image = dcmread(path)
    image.RecognizableVisualFeatures = "YES"
    image.save_as(path)
    assert ingest(copied.home, [path], actor="olga").quarantined == 0
    snapshot.freeze(copied.home, "everyone")
    made = built(copied.home, "one", tmp_path / "one", pixels=True)
    assert (made.held, made.workspace.objects) == (1, 6)
    with federim.open(tmp_path / "one") as opened:
        assert len(opened.sql("FROM instance")) == 7
        assert len(opened.sql("FROM instance_file")) == len(list((tmp_path / "one").rglob("*.dcm"))) == 6


def test_its_files_are_read_only_and_its_owners_alone(place: Path) -> None:
    files = [path for folder in ("lake", "objects") for path in (place / folder).rglob("*") if path.is_file()]
    files.append(place / "workspace.json")
    assert {path.stat().st_mode & 0o777 for path in files} == {0o400}
    assert place.stat().st_mode & 0o777 == 0o700
    listed = json.loads((place / "workspace.json").read_bytes())["files"]
    assert {each["path"] for each in listed} == {
        path.relative_to(place).as_posix() for path in place.glob("lake/**/*.parquet")
    }
    assert all(pq.read_metadata(place / each["path"]).num_rows == each["rows"] for each in listed)


def _change_a_row(place: Path) -> None:
    path = next(place.glob("lake/person/*.parquet"))
    rows = pq.read_table(path)
    path.unlink()
    pq.write_table(rows.slice(1), path)


def _lose_a_file(place: Path) -> None:
    next(place.glob("lake/measurement/*.parquet")).unlink()


def _lose_the_document(place: Path) -> None:
    (place / "workspace.json").unlink()


def _last_longer(place: Path) -> None:
    _write(place, json.loads((place / "workspace.json").read_bytes()) | {"ends": "2999-12-31T"})


def _list_the_keys(place: Path) -> None:
    told = json.loads((place / "workspace.json").read_bytes())
    told["files"].append({"path": "keys/root.key", "sha256": "0" * 64, "rows": 0})
    _write(place, told)


def _write(place: Path, told: object) -> None:
    path = place / "workspace.json"
    path.unlink()
    path.write_text(json.dumps(told))


def _sign(place: Path, signer: Home, **changed: object) -> None:
    """Have somebody sign what the site did not say."""
    told = json.loads((place / "workspace.json").read_bytes())
    content = {name: value for name, value in told.items() if name != "signature"}
    _write(place, signed.sign(signer, workspaces.KIND, content | changed))


@pytest.mark.parametrize(
    "spoil", [_change_a_row, _lose_a_file, _lose_the_document, _last_longer, _list_the_keys]
)
def test_what_was_changed_is_not_opened(place: Path, spoil: Callable[[Path], None]) -> None:
    spoil(place)
    with pytest.raises(VerificationFailed):
        federim.open(place)


def test_a_document_of_another_signer_is_not_opened(place: Path, tmp_path: Path) -> None:
    other = Home.create(tmp_path / "gamma", role=Role.SITE, name="gamma")
    _sign(place, other, site="gamma")
    with pytest.raises(NotApproved, match="gamma"):
        federim.open(place)
    itself = Home.open(place)
    _sign(place, itself, site=itself.name, ends="2999-12-31")
    with pytest.raises(NotApproved, match="itself"):
        federim.open(place)


def test_a_file_that_leads_out_of_the_tables_is_refused_though_it_is_signed(
    hospital: Hospital, place: Path
) -> None:
    _sign(
        place,
        hospital.home,
        files=[{"path": "lake/person/../../../x.parquet", "sha256": "0" * 64, "rows": 0}],
    )
    with pytest.raises(VerificationFailed, match="none of a workspace's tables"):
        federim.open(place)


def test_it_opens_on_its_last_day_and_not_after(hospital: Hospital, tmp_path: Path) -> None:
    today = dt.datetime.now(dt.UTC).date()
    built(hospital.home, "two", tmp_path / "two", ends=today)
    workspace = Home.open(tmp_path / "two")
    assert workspaces.open_checked(workspace, today=today).ends == today
    with pytest.raises(NotApproved, match="could be opened until"):
        workspaces.open_checked(workspace, today=today + dt.timedelta(days=1))


def test_a_workspace_whose_day_is_over_is_not_opened(hospital: Hospital, place: Path) -> None:
    _sign(place, hospital.home, ends="2020-01-01")
    with pytest.raises(NotApproved, match="2020-01-01"):
        federim.open(place)


def test_nothing_is_there_when_building_fails(
    hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = [each.id for each in every(hospital.home)]
    monkeypatch.setattr(building.document, "write", refuse)
    with pytest.raises(FederimError, match="full"):
        built(hospital.home, "one", tmp_path / "one")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert [each.id for each in every(hospital.home)] == before
    built(hospital.home, "one", tmp_path / "one")


def test_what_a_kill_left_of_a_build_is_replaced(hospital: Hospital, tmp_path: Path) -> None:
    (tmp_path / ".one.part" / "lake" / "person").mkdir(parents=True)
    (tmp_path / ".one.part" / "lake" / "person" / "000009.parquet").write_bytes(b"PAR1")
    built(hospital.home, "one", tmp_path / "one")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    assert [path.name for path in (tmp_path / "one" / "lake" / "person").iterdir()] == ["000000.parquet"]


def test_it_is_built_where_nothing_is_and_out_of_the_sites_home(hospital: Hospital, place: Path) -> None:
    for taken in (place, hospital.home.root / "inside", place.parent / "no" / "folder"):
        with pytest.raises(HomeError):
            built(hospital.home, "one", taken)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ends": dt.date(2020, 1, 1)}, NotApproved),
        ({"snapshot_sha256": "0" * 64}, NotApproved),
        ({"tables": {"quarantine": ("reason",)}}, UnknownName),
        ({"tables": {"person": ("family_name",)}}, UnknownName),
        ({"tables": {"person": ("identity_doubts",)}}, SchemaError),
        ({"tables": {"instance_file": ("sha256",)}}, SchemaError),
    ],
)
def test_what_the_grant_does_not_cover_is_not_built(
    hospital: Hospital, tmp_path: Path, change: dict[str, object], error: type[FederimError]
) -> None:
    grant = granted(hospital.home, "one")
    asked = type(grant)(**{name: getattr(grant, name) for name in grant.__slots__} | change)
    with pytest.raises(error):
        build(
            hospital.home,
            asked,
            "everyone",
            tmp_path / "one",
            project=ProjectSecrets(key=KEYS["one"]),
            actor="olga",
        )
    assert list(tmp_path.iterdir()) == []
