"""With the clock moved on, what is too old goes from everywhere, and nothing else does."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path

import pytest
from byte_search import find
from clinical_messages import Someone
from django.db import connections
from hospital_that_forgets import OFFICER, Hospital, people
from hospital_with_a_past import FIRST_DAY_TOO_LATE, build_with_a_past, known_since_long, seen_only_then
from persons_in_a_lake import content, pinned
from typer.testing import CliRunner

from federim.audit import trail
from federim.cli.main import app
from federim.database import alias
from federim.governance.retention import record
from federim.governance.retention.calendar import later
from federim.governance.retention.purge import foresee, purge
from federim.governance.retention.record import Purged, PurgeRecord
from federim.governance.retention.reviews import review
from federim.governance.rights import releases
from federim.governance.verification import verify
from federim.home import Home
from federim.identity.rights import Rights
from federim.lake import snapshot
from federim.model.errors import LakeError, NotAllowed, StateRefused
from federim_pipelines.forgetting.beside import forget_persons
from federim_pipelines.run import ingest

WITH_IMAGES = people()[:2]  # their series are of 1997


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    return build_with_a_past(tmp_path_factory.mktemp("past"))


@pytest.fixture
def hospital(original: Hospital, tmp_path: Path) -> Hospital:
    return original.copied(tmp_path / "alpha")


def purged(hospital: Hospital, day: dt.date) -> PurgeRecord:
    return purge(hospital.home, OFFICER, today=day, beside=[forget_persons])


def known(hospital: Hospital, someone: Someone) -> bool:
    with Rights.open(hospital.home) as rights:
        whom = rights.find.by_ins(someone.ins)
        assert not rights.is_listed(whom)
        return whom.person_id is not None


def fingerprint(home: Home) -> dict[str, str]:
    """Every file of a home and its hash, once nobody has it open."""
    connections[alias(home)].close()
    return {
        path.relative_to(home.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.root.rglob("*"))
        if path.is_file()
    }


def test_nothing_goes_before_its_time(hospital: Hospital) -> None:
    day = dt.date(2017, 4, 30)
    before, frozen = content(hospital.home), snapshot.every(hospital.home)
    assert foresee(hospital.home, OFFICER, today=day) == Purged()
    done = purged(hospital, day)
    assert done.purged == Purged() and done.rows_left == 0
    assert content(hospital.home) == before and snapshot.every(hospital.home) == frozen
    assert len(record.records(hospital.home)) == 1, "a purge that found nothing is on record too"


@pytest.mark.parametrize(("before", "goes"), [(1, 0), (0, 12)])
def test_facts_go_on_the_first_day_they_are_too_old(hospital: Hospital, before: int, goes: int) -> None:
    # By the true dates: each person's were moved by another number of days.
    found = foresee(hospital.home, OFFICER, today=FIRST_DAY_TOO_LATE - dt.timedelta(days=before))
    assert found.tables.get("measurement", 0) == goes
    assert found.persons == goes // 4 and found.persons_in_part == (4 if goes else 2)


def test_some_of_the_past_goes_and_the_rest_stays(hospital: Hospital) -> None:
    home = hospital.home
    gone = {each.ipp: hospital.secrets(each) for each in seen_only_then()}
    images = {each.ipp: set(hospital.secrets(each)) for each in WITH_IMAGES}
    kept = {each.ipp: hospital.pseudonym(each) for each in people()}
    before = content(home)
    foreseen = foresee(home, OFFICER, today=FIRST_DAY_TOO_LATE)
    done = purged(hospital, FIRST_DAY_TOO_LATE)
    assert done.purged == foreseen
    assert foreseen.tables == {
        "person": 3,
        "image_occurrence": 2,
        "instance": 4,
        "instance_file": 4,
        "volume_geometry": 2,
        "measurement": 12,
    }
    assert (done.purged.persons, done.purged.persons_in_part, done.purged.objects) == (3, 4, 4)
    assert len(done.purged.revised) == 2 and done.rows_left == 0
    # Who was seen only then is nowhere: not in tables, snapshots, or the vault.
    assert find(home.root, [each for told in gone.values() for each in told]) == []
    assert not any(known(hospital, each) for each in seen_only_then())
    # Others stay with all that is not old, and what is old of theirs is nowhere.
    assert all(known(hospital, each) for each in people())
    now = content(home)
    assert now.keys() == set(kept.values()) and not any(home.objects.rglob("*.dcm"))
    for person, rows in now.items():
        assert all(row in before[person] for row in rows)
        assert sum(row[""] == "measurement" for row in rows) == 2
    for someone in WITH_IMAGES:
        lost = sorted(images[someone.ipp] - set(hospital.secrets(someone)))
        # The index knows that their records were read, by digests which name some rows too: see below.
        hits = [hit for hit in find(home.root, lost) if hit.path != "index.sqlite3"]
        assert len(lost) >= 3 and hits == []
        with Rights.open(home) as rights:
            assert rights.held(hospital.pseudonym(someone)).originals < len(images[someone.ipp])  # type: ignore[arg-type]
    # Whatever was pinned is as the live tables are, and the release is whole.
    for name in done.purged.revised:
        assert {row[""] for rows in pinned(home, name).values() for row in rows} >= {"measurement", "study"}
        assert "image_occurrence" not in {row[""] for rows in pinned(home, name).values() for row in rows}
    assert verify(home, hospital.release).files > 0 and trail.verify(home).ok
    assert foresee(home, OFFICER, today=FIRST_DAY_TOO_LATE) == Purged()


def test_in_the_end_all_goes(hospital: Hospital) -> None:
    home, everybody = hospital.home, [*people(), *seen_only_then()]
    secrets = [each for someone in everybody for each in hospital.secrets(someone)]
    frozen = [each.id for each in snapshot.every(home)]
    day = dt.date(2050, 1, 1)
    foreseen = foresee(home, OFFICER, today=day)
    done = purged(hospital, day)
    assert done.purged == foreseen
    assert set(done.purged.snapshots) == set(frozen) and len(done.purged.releases) == 1
    assert done.purged.persons == len(everybody) and done.purged.persons_in_part == 0
    assert not any(hospital.rows().values()) and not any(home.objects.rglob("*.dcm"))
    assert find(home.root, secrets) == []
    with pytest.raises(LakeError, match="was purged"):
        snapshot.load(home, frozen[0])
    [tombstone] = releases.tombstones(home)
    assert (tombstone["manifest"], tombstone["because"]) == ("", "purge")
    assert not any(known(hospital, each) for each in everybody)
    # Nobody objected to anything: who comes again is read.
    report = ingest(home, [hospital.inbox], actor=OFFICER)
    assert report.quarantined == 0 and hospital.rows()["person"] == len(people())


def test_datasets_go_after_their_review_unless_they_are_kept(hospital: Hospital) -> None:
    home, now = hospital.home, dt.datetime.now(dt.UTC)
    kept, other = snapshot.every(home)
    review(home, OFFICER, kept.id, keep_until=later(now.date(), 60), reason="it serves", now=now)
    before = pinned(home, kept.id)
    goes = purged(hospital, later(now.date(), 36)).purged
    assert goes.snapshots == (other.id,) and len(goes.releases) == 1
    # It stands for the one that was reviewed, as long as that was to be kept.
    revised = snapshot.load(home, kept.id)
    assert pinned(home, kept.id).keys() == before.keys() - set(before).difference(pinned(home, revised.id))
    assert purged(hospital, later(now.date(), 60)).purged.snapshots == ()
    assert purged(hospital, later(now.date(), 61)).purged.snapshots == (revised.id,)
    assert list(home.snapshots.rglob("*.parquet")) == []


def test_a_dry_run_says_it_all_and_changes_nothing(hospital: Hospital) -> None:
    before = fingerprint(hospital.home)
    words = ["--home", str(hospital.home.root), "purge", "--as", OFFICER, "--json"]
    foreseen = CliRunner().invoke(app, [*words, "--dry-run"])
    assert foreseen.exit_code == 0, foreseen.output
    assert fingerprint(hospital.home) == before
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    told, did = json.loads(foreseen.stdout), json.loads(done.stdout)
    assert told["tables"]["measurement"] == 12 and told["persons"] == 3
    assert told == {name: did[name] for name in told}
    assert did["rows_left"] == 0 and did["lake_review_overdue"] is False


def test_the_trail_and_the_record_have_counts_alone(hospital: Hospital) -> None:
    done = purged(hospital, FIRST_DAY_TOO_LATE)
    [document] = record.records(hospital.home)
    assert document["record"] == json.loads(json.dumps(done.as_json()))
    [event] = trail.events(hospital.home, act="retention.purge")
    assert event.detail == {"purge": done.id, "left": 0, **done.purged.counts()}
    assert event.detail["rows"] == 27 and event.detail["persons"] == 3


def test_the_review_is_asked_for_and_given(hospital: Hospital) -> None:
    def federim(*words: str) -> dict[str, object]:
        done = CliRunner().invoke(app, ["--home", str(hospital.home.root), "retention", *words, "--json"])
        assert done.exit_code == 0, done.output
        told: dict[str, object] = json.loads(done.stdout)
        return told

    until = later(dt.datetime.now(dt.UTC).date(), 30).isoformat()
    federim("review", "lake", "--keep-until", until, "--reason", "it serves", "--as", OFFICER)
    told = {each["dataset"]: each for each in federim("list")["datasets"]}  # type: ignore[attr-defined]
    assert told["lake"]["review_by"] == until and told["lake"]["at_most"] is None
    assert len(told) == 4 and not any(each["overdue"] for each in told.values())


@pytest.mark.parametrize("actor", ["ada", "carl", "nobody"])
def test_only_an_officer_purges(hospital: Hospital, actor: str) -> None:
    for act in (foresee, purge):
        with pytest.raises(NotAllowed):
            act(hospital.home, actor, today=dt.date(2050, 1, 1))
    assert not hospital.home.purges.exists()


def test_a_journal_that_was_damaged_is_not_guessed_at(hospital: Hospital) -> None:
    hospital.home.purges.mkdir()
    (hospital.home.purges / "journal").write_text('{"id": "')
    with pytest.raises(StateRefused, match="JSONDecodeError"):
        purged(hospital, FIRST_DAY_TOO_LATE)


def test_what_was_purged_of_who_stays_does_not_come_back(hospital: Hospital) -> None:
    purged(hospital, FIRST_DAY_TOO_LATE)
    before = content(hospital.home)
    report = ingest(hospital.home, [hospital.inbox], actor=OFFICER)
    assert report.quarantined == 0
    assert all(known(hospital, each) for each in known_since_long())
    assert content(hospital.home) == before
    assert not any(hospital.home.objects.rglob("*.dcm"))
