"""Who objects is erased at this site and, told in messages nobody else reads, where else they are known."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from byte_search import find
from clinical_messages import Result, Someone, fhir_bundle
from hospital_that_forgets import OFFICER, PROJECT, Hospital, build, leave_raw_images, people
from typer.testing import CliRunner

from federim.audit import trail
from federim.cli.main import app
from federim.cli.rights import places
from federim.database import alias, migrate
from federim.governance import documents
from federim.governance.assessment import examine_here, package_of
from federim.governance.members import enrol
from federim.governance.models import Release
from federim.governance.revisions import record_revision
from federim.governance.rights import notices, outbox, record, releases
from federim.governance.rights.access import report_on
from federim.governance.rights.erasure import complete_pending, forget
from federim.governance.rights.record import ErasureRecord
from federim.governance.rights.restoration import Restoration, restore
from federim.governance.verification import verify
from federim.home import Home, Role
from federim.identity.exchange import Exchange
from federim.identity.rights import Rights
from federim.lake import snapshot
from federim.model.errors import IdentityError, InputError, NotAllowed, Opposed, VerificationFailed
from federim.model.export import MemberRole
from federim.model.identifiers import Ipp, LocalId, PatientIdentity
from federim.trust.roots import TrustKind
from federim_pipelines.run import ingest

WITH_IMAGES, OTHER = people()[:2]


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hospital, Hospital, Home]:
    """Two hospitals that know the same persons, and a third that knows none; each trusts the others."""
    folder = tmp_path_factory.mktemp("rights")
    nobody = Home.create(
        folder / "gamma", role=Role.SITE, name="gamma", key_server=f"embedded:{folder / 'oprf.key'}"
    )
    migrate(nobody)
    alpha = build(folder, "alpha", peers=(nobody,))
    leave_raw_images(alpha.home, folder)
    beta = build(folder, "beta", peers=(nobody, alpha.home))
    trust(alpha.home, beta.home)
    for home in (alpha.home, beta.home):
        trust(nobody, home)
    return alpha, beta, nobody


def trust(one: Home, other: Home) -> None:
    one.trust(other.name, other.signing_key.public, TrustKind.SITE, sealing=other.own_key.sealing)


@pytest.fixture
def hospital(consortium: tuple[Hospital, Hospital, Home], tmp_path: Path) -> Hospital:
    return consortium[0].copied(tmp_path / "alpha")


@pytest.fixture
def elsewhere(consortium: tuple[Hospital, Hospital, Home], tmp_path: Path) -> Hospital:
    return consortium[1].copied(tmp_path / "beta")


@pytest.fixture
def stranger(consortium: tuple[Hospital, Hospital, Home], tmp_path: Path) -> Hospital:
    """A hospital that knows nobody yet; its inbox is the first one's."""
    return Hospital(consortium[2], consortium[0].inbox).copied(tmp_path / "gamma")


def forgotten(hospital: Hospital, someone: Someone, project: str = "") -> ErasureRecord:
    with Rights.open(hospital.home) as rights:
        whom = rights.find.by_ins(someone.ins)
        outside = places(rights)
        return forget(hospital.home, rights, whom, project=project, outside=outside, actor=OFFICER)


def restored(hospital: Hospital, someone: Someone, project: str = "") -> Restoration:
    with Rights.open(hospital.home) as rights:
        whom = rights.find.by_ins(someone.ins)
        return restore(hospital.home, rights, whom, project=project, actor=OFFICER)


def taken(hospital: Hospital, paths: Sequence[Path]) -> tuple[notices.Taken, int]:
    with Rights.open(hospital.home) as rights:
        told = notices.take(hospital.home, rights, paths, actor=OFFICER)
        return told, len(complete_pending(hospital.home, rights, outside=places(rights)))


def federim(hospital: Hospital, *words: str, input_: str = "") -> dict[str, object]:
    done = CliRunner().invoke(app, ["--home", str(hospital.home.root), *words, "--json"], input=input_)
    assert done.exit_code == 0, done.output
    told: dict[str, object] = json.loads(done.stdout)
    return told


def test_nothing_of_who_objects_is_left_and_all_of_others_is(hospital: Hospital) -> None:
    secrets, before = hospital.secrets(WITH_IMAGES), hospital.rows()
    kept = set(hospital.secrets(OTHER)) - {OTHER.ins, OTHER.ipp}
    # The INS alone is nowhere in the open before, either.
    named = [each for each in secrets if each != WITH_IMAGES.ins]
    assert {hit.needle for hit in find(hospital.home.root, named)} == set(range(len(named)))
    told = federim(hospital, "forget", "--pseudonym", hospital.pseudonym(WITH_IMAGES), "--as", OFFICER)
    assert told["rows_left"] == 0 and told["releases_revised"] == 1
    assert find(hospital.home.root, secrets) == []
    after = hospital.rows()
    assert {name: before[name] - after[name] for name in before if before[name] > after[name]} == told[
        "tables"
    ]
    assert {hit.needle for hit in find(hospital.home.root, sorted(kept))} == set(range(len(kept)))


def test_raw_images_of_who_objects_go_and_those_of_others_stay(hospital: Hospital) -> None:
    spool = hospital.home.spool
    other = (hospital.told(OTHER) / "1.dcm").read_bytes()
    (spool / "arrived" / "received" / "0123456789abcdef").write_bytes(other)
    done = forgotten(hospital, WITH_IMAGES)
    assert done.elsewhere["spool"]["objects"] == 2
    assert [path.name for path in spool.rglob("*") if path.is_file() and path.suffix != ".lock"] == [
        "0123456789abcdef"
    ]


def test_a_release_is_built_anew_without_who_objects(hospital: Hospital) -> None:
    before = verify(hospital.home, hospital.release)
    assert pq.read_table(hospital.release / "creatinine.parquet")["persons"].to_pylist() == [12]
    forgotten(hospital, WITH_IMAGES)
    after = verify(hospital.home, hospital.release)
    assert after.manifest_sha256 != before.manifest_sha256
    assert pq.read_table(hospital.release / "creatinine.parquet")["persons"].to_pylist() == [11]
    [tombstone] = releases.tombstones(hospital.home, hospital.release.name)
    documents.check(hospital.home, tombstone, documents.Kind.REVISION)
    assert (tombstone["revises"], tombstone["manifest"]) == (before.manifest_sha256, after.manifest_sha256)


def test_a_release_that_would_show_somebody_is_withdrawn(hospital: Hospital) -> None:
    name = hospital.release.name
    forgotten(hospital, WITH_IMAGES)
    done = forgotten(hospital, OTHER)
    assert (done.releases_revised, done.releases_withdrawn) == (0, 1)
    assert not (hospital.home.releases / name).exists()
    assert releases.tombstones(hospital.home, name)[-1]["because"] == "erasure"
    assert sorted(bool(each["manifest"]) for each in releases.tombstones(hospital.home, name)) == [
        False,
        True,
    ]


def test_a_release_without_the_person_stays_as_it_is(hospital: Hospital) -> None:
    late = Someone.born(1980, 5, 900, ipp="IPP-99000001")
    inbox = hospital.home.root.parent / "late"
    inbox.mkdir()
    seen = dt.datetime(2024, 6, 1, 9)
    (inbox / "late.json").write_bytes(fhir_bundle(late, [Result(at=seen, number=70.0)]))
    ingest(hospital.home, [inbox], actor=OFFICER)
    before = verify(hospital.home, hospital.release).manifest_sha256
    done = forgotten(hospital, late)
    assert (done.releases_revised, done.tables["person"]) == (0, 1)
    assert verify(hospital.home, hospital.release).manifest_sha256 == before


def test_what_comes_later_is_refused_whatever_number_it_bears(hospital: Hospital, tmp_path: Path) -> None:
    forgotten(hospital, WITH_IMAGES)
    before = hospital.rows()
    report = ingest(hospital.home, [hospital.told(WITH_IMAGES)], actor=OFFICER)
    assert report.accepted == 0 and set(report.reasons) == {"opposed"}
    assert hospital.rows() == before
    with Exchange.open(hospital.home) as exchange, pytest.raises(Opposed):
        exchange.learn(PatientIdentity(local=(LocalId(issuer="", value=Ipp(WITH_IMAGES.ipp)),)))
    frozen = snapshot.freeze(hospital.home, "everyone")
    assert frozen.persons == 11


def test_the_record_and_the_trail_hold_counts_alone(hospital: Hospital) -> None:
    secrets = hospital.secrets(WITH_IMAGES)
    done = forgotten(hospital, WITH_IMAGES)
    [kept] = record.every(hospital.home)
    assert kept["record"] == json.loads(json.dumps(done.as_json()))
    [event] = trail.events(hospital.home, act="rights.forget")
    assert event.actor == OFFICER and event.detail["rows"] == sum(done.tables.values())
    assert find(hospital.home.erasures, secrets) == []


def test_a_withdrawn_opposition_brings_back_what_is_read_again(hospital: Hospital) -> None:
    before = hospital.rows()
    forgotten(hospital, WITH_IMAGES)
    assert restored(hospital, WITH_IMAGES).was_listed
    report = ingest(hospital.home, [hospital.told(WITH_IMAGES)], actor=OFFICER)
    assert not report.reasons
    assert hospital.rows() == before


def test_another_number_lifts_the_whole_opposition(hospital: Hospital) -> None:
    forgotten(hospital, WITH_IMAGES)
    federim(hospital, "restore", "--ipp", "-", "--as", OFFICER, input_=f"{WITH_IMAGES.ipp}\n")
    assert not ingest(hospital.home, [hospital.told(WITH_IMAGES)], actor=OFFICER).reasons


def test_who_objects_to_one_project_stays_for_the_others(hospital: Hospital) -> None:
    before = hospital.rows()
    done = forgotten(hospital, WITH_IMAGES, project=PROJECT)
    assert hospital.rows() == before and not done.tables
    assert pq.read_table(hospital.release / "creatinine.parquet")["persons"].to_pylist() == [11]
    package, definition = package_of(documents.read(hospital.release / "decision.json"))
    assert examine_here(hospital.home, definition, package).report.persons == 11
    assert restored(hospital, WITH_IMAGES, project=PROJECT).was_listed
    assert examine_here(hospital.home, definition, package).report.persons == 12


def test_another_site_that_knows_the_person_erases_them_too(
    hospital: Hospital, elsewhere: Hospital, stranger: Hospital, tmp_path: Path
) -> None:
    secrets = elsewhere.secrets(WITH_IMAGES)
    forgotten(hospital, WITH_IMAGES)
    messages = outbox.hand_out(hospital.home, tmp_path / "carried")
    assert sorted(map(outbox.recipient_of, messages)) == ["beta", "gamma"]
    assert len({path.stat().st_size for path in messages}) == 1
    to_beta, to_gamma = sorted(messages)
    assert taken(elsewhere, [to_beta]) == (notices.Taken(begun=1), 1)
    assert find(elsewhere.home.root, secrets) == []
    assert taken(elsewhere, [to_beta]) == (notices.Taken(again=1), 0)
    assert outbox.waiting(elsewhere.home) == [], "who told the others is not told back"

    assert taken(stranger, [to_gamma]) == (notices.Taken(remembered=1), 0)
    report = ingest(stranger.home, [stranger.inbox], actor=OFFICER)
    assert set(report.reasons) == {"opposed"}
    assert stranger.rows()["person"] == 11


def test_another_site_takes_back_what_was_told_and_not_its_own(
    hospital: Hospital, elsewhere: Hospital, tmp_path: Path
) -> None:
    forgotten(hospital, WITH_IMAGES)
    forgotten(hospital, OTHER)
    forgotten(elsewhere, OTHER)
    taken(elsewhere, [path for path in outbox.hand_out(hospital.home, tmp_path / "1") if "beta" in path.name])
    assert restored(hospital, WITH_IMAGES).notices == restored(hospital, OTHER).notices == 2
    told, _ = taken(
        elsewhere, [path for path in outbox.hand_out(hospital.home, tmp_path / "2") if "beta" in path.name]
    )
    assert told.withdrawn == 2
    assert not ingest(elsewhere.home, [elsewhere.told(WITH_IMAGES)], actor=OFFICER).reasons
    assert set(ingest(elsewhere.home, [elsewhere.told(OTHER)], actor=OFFICER).reasons) == {"opposed"}


def test_messages_taken_together_are_taken_in_the_order_of_writing(
    hospital: Hospital, stranger: Hospital, tmp_path: Path
) -> None:
    forgotten(hospital, WITH_IMAGES)
    restored(hospital, WITH_IMAGES)
    messages = [path for path in outbox.hand_out(hospital.home, tmp_path / "1") if "gamma" in path.name]
    assert taken(stranger, messages)[0] == notices.Taken(remembered=1, withdrawn=1)
    assert not ingest(stranger.home, [stranger.told(WITH_IMAGES)], actor=OFFICER).reasons


def test_a_project_is_told_to_sites_that_know_the_person_and_to_those_that_will(
    hospital: Hospital, stranger: Hospital, tmp_path: Path
) -> None:
    forgotten(hospital, WITH_IMAGES, project=PROJECT)
    messages = [path for path in outbox.hand_out(hospital.home, tmp_path / "1") if "gamma" in path.name]
    assert taken(stranger, messages)[0] == notices.Taken(remembered=1)
    assert not ingest(stranger.home, [stranger.inbox], actor=OFFICER).reasons
    with Rights.open(stranger.home) as rights:
        persons = {name: rights.find.by_ins(name.ins).person_id for name in people()}
        opposed = rights.opposed_to(PROJECT, [each for each in persons.values() if each])
    assert opposed == {persons[WITH_IMAGES]}


def test_a_person_learns_what_is_held_and_where_it_went(hospital: Hospital) -> None:
    told = federim(hospital, "subject", "report", "--ins", "-", "--as", OFFICER, input_=WITH_IMAGES.ins)
    tables = {each["table"]: each for each in told["tables"]}  # type: ignore[attr-defined]
    assert tables["instance"]["rows"] == 2 and tables["measurement"]["rows"] == 2
    # As it was told, not as it was moved.
    assert tables["study"]["first"] == tables["study"]["last"] == "2024-05-20"
    assert told["releases"][0]["project"] == PROJECT and len(told["snapshots"]) == 1  # type: ignore
    assert told["linked"] is True
    forgotten(hospital, WITH_IMAGES)
    with Rights.open(hospital.home) as rights, pytest.raises(IdentityError, match="objects to research"):
        report_on(hospital.home, rights, rights.find.by_ins(WITH_IMAGES.ins), actor=OFFICER)


@pytest.mark.parametrize("actor", ["ada", "nobody"])
def test_only_an_officer_answers_persons(hospital: Hospital, actor: str) -> None:
    with Rights.open(hospital.home) as rights:
        whom = rights.find.by_ins(WITH_IMAGES.ins)
        for act in (forget, restore, report_on):
            with pytest.raises(NotAllowed):
                act(hospital.home, rights, whom, actor=actor)  # type: ignore[operator]
        assert rights.pending() == []


def test_an_unknown_pseudonym_is_refused_without_being_repeated(hospital: Hospital) -> None:
    unknown = "0123456789abcdef" * 2
    done = CliRunner().invoke(
        app, ["--home", str(hospital.home.root), "forget", "--pseudonym", unknown, "--as", OFFICER]
    )
    assert isinstance(done.exception, IdentityError) and unknown not in str(done.exception)


def test_the_hub_keeps_what_stands_for_a_release_and_acknowledges_it(
    hospital: Hospital, tmp_path: Path
) -> None:
    hub = Home.create(tmp_path / "hub", role=Role.HUB, name="hub")
    migrate(hub)
    enrol(hub, "carl", "carl", [MemberRole.COORDINATOR])
    trust(hub, hospital.home)
    told = Release.objects.using(alias(hospital.home)).get()
    for changed in (None, "alpha-2026-002-r1-alpha"):
        # As the hub would know it: the document is the site's own.
        Release.objects.using(alias(hub)).create(
            name=changed or told.name,
            issuer=told.issuer,
            request_number=told.request_number,
            package=told.package,
            site=told.site,
            cohort_snapshot=told.cohort_snapshot,
            project=told.project,
            manifest_sha256=told.manifest_sha256,
            document=told.document,
        )
    forgotten(hospital, WITH_IMAGES)
    [revised] = releases.tombstones(hospital.home, hospital.release.name)
    kept = record_revision(hub, "carl", revised)
    assert kept.manifest_sha256 == revised["manifest"] == kept.countersignature["manifest"]
    assert record_revision(hub, "carl", revised).manifest_sha256 == revised["manifest"]
    forgotten(hospital, OTHER)
    [gone] = [
        each
        for each in releases.tombstones(hospital.home, told.name)
        if each["revises"] == revised["manifest"]
    ]
    withdrawn = record_revision(hub, "carl", gone)
    assert releases.withdrawn(withdrawn) and withdrawn.countersignature is None
    with pytest.raises(VerificationFailed):
        record_revision(hub, "carl", revised)
    with pytest.raises(VerificationFailed):
        record_revision(hub, "carl", {**gone, "manifest": "0" * 64})


def test_a_project_that_cannot_be_is_refused_before_anybody_is_listed(hospital: Hospital) -> None:
    with pytest.raises(InputError):
        forgotten(hospital, WITH_IMAGES, project="CRP study")
    assert not restored(hospital, WITH_IMAGES).was_listed
