"""A person whose INS comes after their images is, from then on, as if it had always been there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from byte_search import find
from clinical_messages import (
    NIR,
    Result,
    Someone,
    admission,
    cda_imaging,
    fhir_bundle,
    ins_of,
    merge,
    oru,
)

from federim.audit import trail
from federim.home import Home
from federim.identity.exchange import Exchange
from federim.lake import snapshot
from federim.lake.reader import connect_home, query
from federim.model.identifiers import (
    IdentityStatus,
    Ins,
    Ipp,
    LocalId,
    NationalId,
    PatientIdentity,
    Pseudonym,
)
from federim_pipelines.accounting import RunReport
from federim_pipelines.defaced import export_series, replace_series
from federim_pipelines.run import ingest

SCAN = dt.datetime(2024, 5, 20, 10, 30)
EARLY, LATE = "early", "late"
NIA = "1.2.250.1.213.1.4.9"
_IPP_OF_FHIR = b'"identifier": [{"type": {"coding": [{"code": "PI"}]}, "value": "%s"},'
Content = dict[str, list[str]]
Put = Callable[[str, bytes], None]


@pytest.fixture
def put(inbox: Path) -> Put:
    def build(name: str, content: bytes) -> None:
        path = inbox / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

    return build


@pytest.fixture
def images(write_image: Callable[..., Path]) -> Callable[[Someone, int], str]:
    """Slices of one series of somebody, named by their IPP; gives the study's UID."""

    def build(someone: Someone, count: int) -> str:
        study = f"1.2.826.0.1.3680043.10.999.{int(someone.ipp[1:])}"
        for number in range(count):
            write_image(
                f"{EARLY}/{someone.ipp}-{number}.dcm",
                patient=someone.ipp,
                number=number + 1,
                StudyInstanceUID=study,
                SeriesInstanceUID=f"{study}.1",
                SOPInstanceUID=f"{study}.1.{number + 1}",
                AccessionNumber=f"ACC-{someone.ipp}",
                StudyDate=f"{SCAN:%Y%m%d}",
                PatientSex=someone.sex,
                PatientBirthDate=f"{someone.birth:%Y%m%d}",
                ImagePositionPatient=[0, 0, 2.5 * number],
            )
        return study

    return build


@pytest.fixture
def someone() -> Someone:
    return Someone.born(1961, 4, 101)


@pytest.fixture
def hospital(put: Put, images: Callable[[Someone, int], str], someone: Someone) -> Someone:
    """What comes early names somebody by their IPP alone, what comes late has their qualified INS too."""
    unqualified = replace(someone, status="PROV")
    study = images(someone, 4)
    put(f"{EARLY}/results.hl7", oru(unqualified, [Result(SCAN, 80), Result(SCAN, 85)]))
    put(f"{EARLY}/stay.hl7", admission(unqualified, SCAN, stay="S1"))
    put(
        f"{LATE}/report.xml",
        cda_imaging(someone, SCAN, act="ZBQK001", study=study, accession=f"ACC-{someone.ipp}"),
    )
    put(f"{LATE}/stay.hl7", admission(someone, SCAN + dt.timedelta(days=30), stay="S2"))
    return someone


def _both(home: Home, inbox: Path) -> RunReport:
    ingest(home, [inbox / EARLY])
    return ingest(home, [inbox / LATE])


def _names(home: Home) -> set[str]:
    """Every pseudonym and keyed UID of the lake."""
    columns = {
        "person": ("person_id",),
        "instance": ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
        "study": ("accession_key",),
        "image_occurrence": ("FrameOfReferenceUID",),
    }
    found: set[str] = set()
    with connect_home(home) as connection:
        for table, names in columns.items():
            for name in names:
                told = query(connection, f'SELECT DISTINCT "{name}" AS it FROM {table}', seconds=60)
                found |= {value for value in told["it"].to_pylist() if value}
    return found


def _persons(home: Home) -> list[Pseudonym]:
    with connect_home(home) as connection:
        found = query(connection, "SELECT person_id FROM person ORDER BY 1", seconds=60)
    return [Pseudonym(person) for person in found["person_id"].to_pylist()]


def _linked(home: Home) -> list[bool]:
    with connect_home(home) as connection:
        found: list[bool] = query(connection, "SELECT linked FROM person", seconds=60)["linked"].to_pylist()
    return found


def _objects(home: Home) -> set[str]:
    return {path.name for path in home.objects.rglob("*.dcm")}


def test_the_lake_is_as_if_the_ins_had_been_there_from_the_beginning(
    site: Home,
    twin: Callable[[Home, str], Home],
    inbox: Path,
    hospital: Someone,
    content: Callable[[Home], Content],
) -> None:
    _both(site, inbox)
    other = twin(site, "known-before")
    ingest(other, [inbox / LATE])
    ingest(other, [inbox / EARLY])
    assert content(site) == content(other)
    assert _objects(site) == _objects(other)
    with Exchange.open(site) as exchange:
        assert exchange.rewritings() == []


def test_the_same_input_read_again_adds_nothing(
    site: Home, inbox: Path, hospital: Someone, content: Callable[[Home], Content]
) -> None:
    _both(site, inbox)
    before, objects = content(site), _objects(site)
    again = ingest(site, [inbox])
    assert (again.accepted, again.quarantined, dict(again.rows)) == (0, 0, {})
    assert content(site) == before
    assert _objects(site) == objects


def test_nothing_of_the_first_pseudonym_is_left_in_the_home(
    site: Home, inbox: Path, hospital: Someone
) -> None:
    ingest(site, [inbox / EARLY])
    old = _names(site)
    ingest(site, [inbox / LATE])
    assert not old & _names(site)
    assert find(site.root, sorted(old)) == []


def test_the_link_is_in_the_audit_trail_without_a_name(site: Home, inbox: Path, hospital: Someone) -> None:
    _both(site, inbox)
    [event] = trail.events(site, act="vault.relink")
    assert event.detail == {"persons": 1, "rows": event.detail["rows"], "objects": 4, "snapshots": 0}
    assert trail.verify(site).ok


def test_a_snapshot_follows_and_answers_to_its_first_name(site: Home, inbox: Path, hospital: Someone) -> None:
    ingest(site, [inbox / EARLY])
    old = _names(site)
    (site.cohorts / "all.toml").write_text('title = "All"\n[person]\nyear_of_birth = { at_least = 1900 }\n')
    frozen = snapshot.freeze(site, "all")
    ingest(site, [inbox / LATE])
    revised = snapshot.load(site, frozen.id)
    assert revised.id != frozen.id
    with snapshot.connect(site, revised) as connection:
        persons = query(connection, "SELECT person_id FROM cohort_person", seconds=60)[
            "person_id"
        ].to_pylist()
    assert set(persons) <= _names(site)
    assert find(site.root, sorted(old)) == []


def test_two_files_of_one_patient_become_one_person(
    site: Home,
    twin: Callable[[Home, str], Home],
    inbox: Path,
    put: Put,
    images: Callable[[Someone, int], str],
    content: Callable[[Home], Content],
) -> None:
    stays = replace(Someone.born(1961, 4, 101), status="PROV")
    goes = replace(Someone.born(1961, 4, 102), status="PROV")
    for each in (stays, goes):
        images(each, 2)
        put(f"{EARLY}/{each.ipp}.hl7", oru(each, [Result(SCAN, 80)], order=f"C-{each.ipp}"))
    put(f"{LATE}/merge.hl7", merge(stays, goes))
    ingest(site, [inbox / EARLY])
    with Exchange.open(site) as exchange:
        assert len(exchange.rewritings()) == 0
    assert len(_persons(site)) == 2
    ingest(site, [inbox / LATE])
    assert len(_persons(site)) == 1
    other = twin(site, "known-before")
    ingest(other, [inbox / LATE])
    ingest(other, [inbox / EARLY])
    assert content(site) == content(other)
    assert _objects(site) == _objects(other)
    again = ingest(site, [inbox])
    assert (again.accepted, again.quarantined, dict(again.rows)) == (0, 0, {})


def test_a_waiting_number_is_followed_by_the_registered_one(
    site: Home, inbox: Path, put: Put, images: Callable[[Someone, int], str], someone: Someone
) -> None:
    waiting = replace(someone, oid=NIA)
    images(someone, 2)
    put(f"{EARLY}/waiting.hl7", admission(waiting, SCAN, stay="S1"))
    put(f"{LATE}/registered.hl7", admission(someone, SCAN + dt.timedelta(days=9), stay="S2"))
    ingest(site, [inbox / EARLY])
    old = _names(site)
    ingest(site, [inbox / LATE])
    assert not old & _names(site)
    assert find(site.root, sorted(old)) == []
    again = ingest(site, [inbox])
    assert (again.accepted, again.quarantined, dict(again.rows)) == (0, 0, {})


def test_a_bundle_that_tells_the_ins_links_as_a_message_does(
    site: Home, inbox: Path, put: Put, hospital: Someone
) -> None:
    (inbox / LATE / "stay.hl7").unlink()
    (inbox / LATE / "report.xml").unlink()
    told = fhir_bundle(hospital, [Result(SCAN, 90)])
    put(f"{LATE}/ward.json", told.replace(b'"identifier": [', _IPP_OF_FHIR % hospital.ipp.encode(), 1))
    ingest(site, [inbox / EARLY])
    assert _linked(site) == [False]
    ingest(site, [inbox / LATE])
    assert _linked(site) == [True]


def test_an_image_that_the_site_defaced_stays_defaced(
    site: Home, inbox: Path, tmp_path: Path, write_image: Callable[..., Path], put: Put, someone: Someone
) -> None:
    for number in range(3):
        write_image(
            f"{EARLY}/{number}.dcm",
            patient=someone.ipp,
            number=number + 1,
            BodyPartExamined="HEAD",
            ImagePositionPatient=[0, 0, 5.0 * number],
        )
    put(f"{LATE}/stay.hl7", admission(someone, SCAN, stay="S"))
    ingest(site, [inbox / EARLY])
    folder = tmp_path / "exported"
    with connect_home(site) as connection:
        [series] = query(connection, 'SELECT "SeriesInstanceUID" s FROM image_occurrence', seconds=60)[
            "s"
        ].to_pylist()
    export_series(site, series, folder, actor="ada")
    for path in sorted(folder.iterdir()):
        scan = pydicom.dcmread(path)
        pixels = scan.pixel_array.copy()
        pixels[:40, :40] = -1000
        scan.PixelData = pixels.tobytes()
        path.unlink()
        scan.save_as(path)
    replace_series(site, folder, actor="ada")
    ingest(site, [inbox / LATE])
    objects = _objects(site)
    again = ingest(site, [inbox])
    assert (again.accepted, again.quarantined, dict(again.rows)) == (0, 0, {})
    assert _objects(site) == objects
    assert all(
        (pydicom.dcmread(path).pixel_array[:40, :40] == -1000).all() for path in site.objects.rglob("*.dcm")
    )


def test_whatever_is_keyed_in_the_lake_is_remembered(site: Home, inbox: Path, hospital: Someone) -> None:
    _both(site, inbox)
    [person] = _persons(site)
    with Exchange.open(site) as exchange:
        told = exchange.originals(person)
    keyed = _names(site) - {person}
    assert keyed <= told.keys()
    assert {told[name] for name in keyed if name.startswith("2.25.")} > {"1.2.826.0.1.3680043.10.999.101"}


def test_real_series_segmentations_and_reports_follow(
    site: Home,
    twin: Callable[[Home, str], Home],
    shared_data: Path,
    content: Callable[[Home], Content],
) -> None:
    folders = [shared_data / name for name in ("highdicom", "rt-utils")]
    ingest(site, folders)
    other = twin(site, "known-before")
    for order, patient in enumerate(sorted(_patients(folders)), start=1):
        local = LocalId(issuer="", value=Ipp(patient))
        told = NationalId(
            oid=NIR, value=Ins(ins_of(f"2610499999{order:03d}")), status=IdentityStatus.QUALIFIED
        )
        for home in (site, other):
            with Exchange.open(home) as exchange:
                exchange.learn(PatientIdentity(local=(local,), national=told))
    old = _names(site)
    again = ingest(site, folders)
    assert (again.accepted, dict(again.rows).keys() - {"quarantine"}) == (0, set())
    ingest(other, folders)
    assert len(_persons(site)) > 3
    for table in ("segment", "image_feature", "volume_geometry"):
        assert content(site)[table], table
    assert {name: rows for name, rows in content(site).items() if name != "quarantine"} == {
        name: rows for name, rows in content(other).items() if name != "quarantine"
    }
    assert _objects(site) == _objects(other)
    assert find(site.root, sorted(old)) == []


def _patients(folders: list[Path]) -> set[str]:
    found = set()
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        with suppress(Exception):
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["PatientID"])
            found.add(str(header.get("PatientID") or "").strip())
    return found - {""}
