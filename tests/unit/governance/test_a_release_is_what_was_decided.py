"""A release leaves on a decision in force, is the same each time, and shows any changed byte."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from federim.audit.trail import events
from federim.governance import contents, decisions, documents, requests
from federim.governance import release as releasing
from federim.governance.documents import Kind
from federim.governance.members import enrol
from federim.governance.models import Release
from federim.governance.release import release
from federim.governance.verification import find_release, verify
from federim.home import Home
from federim.lake import manifest
from federim.model.errors import (
    DisclosureRisk,
    NotAllowed,
    NotApproved,
    StateRefused,
    StorageFull,
    UnknownName,
    VerificationFailed,
)
from federim.model.export import MemberRole, Status

BANDS = {
    "name": "ages",
    "from": "person",
    "why": "to describe the cohort",
    "group_by": ["year_of_birth/10"],
    "measures": ["persons"],
}
ROWS = {"name": "rows", "from": "person", "why": "to describe", "columns": ["gender_concept_id"]}
MEANS = {
    "name": "crp",
    "from": "measurement",
    "why": "the outcome",
    "group_by": ["person.gender_concept_id"],
    "measures": ["mean(value_as_number)", "sd(value_as_number)"],
}


def released(centre: Any) -> Path:
    built = release(centre.home, "olga", centre.decided(BANDS, ROWS, MEANS), today=centre.today)
    return Path(centre.home.releases / built.name)


def unsigned(document: documents.Document) -> documents.Document:
    return {key: value for key, value in document.items() if key not in ("kind", "signer", "signature")}


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.parquet")}


def test_a_release_holds_its_tables_and_what_explains_them(centre: Any) -> None:
    folder = released(centre)
    assert {path.name for path in folder.iterdir()} == {
        "ages.parquet",
        "crp.parquet",
        "rows.parquet",
        "dictionary.md",
        "report.json",
        "report.svg",
        "decision.json",
        "README.md",
        "manifest.json",
        "manifest.json.sig",
    }
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o400 for path in folder.iterdir())
    assert requests.requests(centre.home)[0].stands is Status.RELEASED
    found = verify(centre.home, folder)
    assert (found.release, found.site, found.files) == (folder.name, "alpha", 8)


def test_the_trail_knows_the_manifest_of_a_release(centre: Any) -> None:
    folder = released(centre)
    (event,) = events(centre.home, act="export.release")
    assert event.detail["manifest"] == verify(centre.home, folder).manifest_sha256


def test_the_same_decision_gives_the_same_tables(centre: Any, tmp_path: Path) -> None:
    decision = centre.decided(BANDS, ROWS, MEANS)
    twin = Home.open(Path(shutil.copytree(centre.home.root, tmp_path / "twin")))
    folders = [
        home.releases / release(home, "olga", decision, today=centre.today).name
        for home in (centre.home, twin)
    ]
    assert digests(folders[0]) == digests(folders[1])
    assert len(digests(folders[0])) == 3


def test_data_that_arrive_later_do_not_change_what_was_decided(centre: Any, tmp_path: Path) -> None:
    decision = centre.decided(BANDS, ROWS, MEANS)
    twin = Home.open(Path(shutil.copytree(centre.home.root, tmp_path / "twin")))
    first = centre.home.releases / release(centre.home, "olga", decision, today=centre.today).name
    type(centre)(twin, centre.frozen).fill(range(80, 120))
    second = twin.releases / release(twin, "olga", decision, today=centre.today).name
    assert digests(first) == digests(second)


def flipped(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("where", [0, 0.5, -1])
def test_one_changed_byte_of_any_file_is_named(centre: Any, where: float) -> None:
    folder = released(centre)
    for path in sorted(folder.iterdir()):
        before = path.read_bytes()
        position = -1 if where == -1 else int(len(before) * where)
        flipped(path, position)
        with pytest.raises(VerificationFailed) as failed:
            verify(centre.home, folder)
        assert path.name.removesuffix(".sig") in str(failed.value)
        path.write_bytes(before)
    verify(centre.home, folder)


def test_an_added_or_missing_file_is_named(centre: Any) -> None:
    folder = released(centre)
    (folder / "extra.csv").write_text("1")
    with pytest.raises(VerificationFailed, match=r"extra\.csv"):
        verify(centre.home, folder)
    (folder / "extra.csv").unlink()
    (folder / "ages.parquet").unlink()
    with pytest.raises(VerificationFailed, match=r"ages\.parquet"):
        verify(centre.home, folder)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"package": "0" * 64}, "another package"),
        ({"issuer": "hub"}, "another package"),
        ({"site": "beta"}, "not signed by the site"),
    ],
)
def test_a_manifest_that_claims_more_than_the_decision_is_found(
    centre: Any, facts: dict[str, str], says: str
) -> None:
    folder = released(centre)
    true = manifest.verify(folder, centre.home.trust_roots).facts
    folder.chmod(0o700)
    for path in folder.glob("manifest.json*"):
        path.unlink()
    manifest.write(folder, {**true, **facts}, centre.home.signing_key, signer="alpha")
    with pytest.raises(VerificationFailed, match=says):
        verify(centre.home, folder)


def test_a_table_is_the_same_bytes_in_however_many_pieces_it_comes(tmp_path: Path) -> None:
    whole = pa.table({"n": list(range(50_000)), "s": [str(each % 7) for each in range(50_000)]})
    pieces = pa.concat_tables([whole.slice(start, 7_001) for start in range(0, 50_000, 7_001)])
    for name, table in (("whole", whole), ("pieces", pieces)):
        contents._write_table(tmp_path / f"{name}.parquet", table)
    assert len(set(digests(tmp_path).values())) == 1


def test_a_release_of_a_site_nobody_here_trusts_is_refused(
    centre: Any, make_home: Callable[..., Home]
) -> None:
    folder = released(centre)
    with pytest.raises(NotApproved, match="beta does not trust"):
        verify(make_home("beta"), folder)


def test_a_release_is_found_by_name_or_by_its_folder(centre: Any) -> None:
    folder = released(centre)
    assert find_release(centre.home, folder.name) == folder
    assert find_release(centre.home, str(folder)) == folder
    with pytest.raises(UnknownName, match=folder.name):
        find_release(centre.home, folder.name[:-1])


def test_without_a_decision_nothing_leaves(centre: Any) -> None:
    number = centre.voted()
    package = requests.package(centre.home, number)
    for kind in (Kind.PACKAGE, Kind.DECISION):
        forged = {**package, "kind": kind.value}
        with pytest.raises((NotApproved, VerificationFailed, documents.InputError)):
            release(centre.home, "olga", forged, today=centre.today)
    assert list(centre.home.releases.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "approved "},
        {"ends": "2030-01-01"},
        {"site": "beta"},
        {"package": "0" * 64},
        {"author": "rob"},
        {"definition": {}},
        {"signature": "0" * 128},
    ],
)
def test_a_decision_changed_after_it_was_signed_is_refused(centre: Any, change: dict[str, Any]) -> None:
    with pytest.raises(VerificationFailed):
        release(centre.home, "olga", {**centre.decided(), **change}, today=centre.today)


def test_a_decision_that_carries_another_package_is_refused_though_signed(centre: Any) -> None:
    decision = centre.decided()
    other = centre.definition(ROWS).as_document()
    forged = documents.sign(centre.home, Kind.DECISION, {**unsigned(decision), "definition": other})
    with pytest.raises(NotApproved, match="another package"):
        release(centre.home, "olga", forged, today=centre.today)


@pytest.mark.parametrize("change", [{"request": "../../etc"}, {"revision": "1/.."}])
def test_a_decision_cannot_choose_where_a_release_is_written(centre: Any, change: dict[str, Any]) -> None:
    decision = {**unsigned(centre.decided()), **change}
    content = {key: decision[key] for key in ("issuer", "request", "revision", "definition")}
    decision["package"] = documents.digest(content)
    with pytest.raises(VerificationFailed, match="request or revision"):
        release(centre.home, "olga", documents.sign(centre.home, Kind.DECISION, decision), today=centre.today)


@pytest.mark.parametrize("days", [-1, 366])
def test_a_decision_out_of_its_dates_is_refused(centre: Any, days: int) -> None:
    with pytest.raises(NotApproved, match="the decision holds from 2026-03-02 to 2027-03-02"):
        release(centre.home, "olga", centre.decided(), today=centre.today + timedelta(days=days))


@pytest.mark.parametrize("outcome", ["refused", "changes_requested", "approved_with_conditions"])
def test_another_outcome_than_approval_lets_nothing_leave(centre: Any, outcome: str) -> None:
    decision = centre.decided()
    other = documents.sign(centre.home, Kind.DECISION, {**unsigned(decision), "outcome": outcome})
    with pytest.raises(NotApproved, match=outcome):
        release(centre.home, "olga", other, today=centre.today)


def test_a_revoked_decision_lets_nothing_leave(centre: Any) -> None:
    decision = centre.decided()
    decisions.revoke(centre.home, "carl", decision["request"])
    with pytest.raises(NotApproved, match="revoked"):
        release(centre.home, "olga", decision, today=centre.today)


def test_only_a_site_officer_releases_and_never_their_own_request(centre: Any) -> None:
    decision = centre.decided()
    enrol(centre.home, "carl", "ada", [MemberRole.RESEARCHER, MemberRole.SITE_OFFICER])
    with pytest.raises(NotAllowed, match="asked for themselves"):
        release(centre.home, "ada", decision, today=centre.today)
    with pytest.raises(NotAllowed, match="site_officer"):
        release(centre.home, "carl", decision, today=centre.today)


def test_a_release_happens_once(centre: Any) -> None:
    decision = centre.decided()
    release(centre.home, "olga", decision, today=centre.today)
    with pytest.raises(StateRefused, match="released before"):
        release(centre.home, "olga", decision, today=centre.today)


def test_risk_is_measured_again_before_anything_leaves(centre: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    decision = centre.decided(BANDS)
    monkeypatch.setenv("FEDERIM_SMALL_CELL", "81")
    with pytest.raises(DisclosureRisk, match="fewer than 81"):
        release(Home.open(centre.home.root), "olga", decision, today=centre.today)
    assert list(centre.home.releases.iterdir()) == []


def test_a_snapshot_whose_files_were_changed_is_refused(centre: Any) -> None:
    decision = centre.decided()
    pinned = next(each for each in centre.frozen.files if each.table == "measurement")
    path = centre.home.lake / pinned.path
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(VerificationFailed, match=re.escape(pinned.path)):
        release(centre.home, "olga", decision, today=centre.today)


def test_a_disk_that_fills_up_leaves_nothing_and_the_next_try_succeeds(
    centre: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = centre.decided()

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken, pytest.raises(StorageFull):
        broken.setattr(contents.pq, "write_table", full)
        release(centre.home, "olga", decision, today=centre.today)
    assert list(centre.home.releases.iterdir()) == []
    assert events(centre.home, act="export.release") == []
    verify(
        centre.home,
        centre.home.releases / release(centre.home, "olga", decision, today=centre.today).name,
    )


def test_a_crash_before_the_commit_leaves_a_folder_the_next_release_replaces(
    centre: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = centre.decided()
    put = releasing.put_in_place

    def put_and_crash(folder: Path, final: Path) -> None:
        put(folder, final)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(releasing, "put_in_place", put_and_crash)
        release(centre.home, "olga", decision, today=centre.today)
    assert requests.requests(centre.home)[0].stands is Status.APPROVED
    built = release(centre.home, "olga", decision, today=centre.today)
    assert isinstance(built, Release)
    verify(centre.home, centre.home.releases / built.name)


def test_a_report_in_a_release_is_the_one_that_was_measured(centre: Any) -> None:
    folder = released(centre)
    report = json.loads((folder / "report.json").read_text())
    assert report["acceptable"]
    assert report["snapshot_sha256"] == centre.frozen.sha256
