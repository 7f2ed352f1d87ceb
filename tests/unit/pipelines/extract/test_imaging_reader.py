"""One file in, one record or one refusal out; nothing of the patient in either but keyed."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

from federim.home import Home
from federim.lake.check import faults
from federim.lake.schema import TABLES
from federim_pipelines.batches import read_batch
from federim_pipelines.items import Item, Outcome, Reason, Record, Refusal
from federim_pipelines.sources.dicom import KIND, read
from federim_pipelines.sources.dicom_patient import identity_of
from federim_pipelines.worker import Task, close_worker, worker_for

Change = Callable[[Dataset], object]


def bundled(name: str) -> Path:
    """A file of the set inside pydicom's wheel."""
    found = get_testdata_file(name, download=False)
    assert found is not None
    return Path(found)


@pytest.fixture
def task(site: Home) -> Iterator[Task]:
    task = Task(home=site.root, policy="basic", mapping=None, year=2026)
    yield task
    close_worker(task)


def _read(task: Task, path: Path, member: str = "") -> Outcome:
    [outcome] = read_batch(task, [Item(source=KIND, path=path, member=member)])
    assert len(outcome.records) + len(outcome.refusals) == 1
    return outcome


def _record(outcome: Outcome) -> Record:
    assert not outcome.refusals, outcome.refusals
    return outcome.records[0]


def _refusal(outcome: Outcome) -> Refusal:
    assert not outcome.records
    return outcome.refusals[0]


def _changed(tmp_path: Path, change: Change, name: str = "CT_small.dcm") -> Path:
    dataset = dcmread(bundled(name))
    change(dataset)
    path = tmp_path / "changed"
    dataset.save_as(path)
    return path


def test_a_ct_becomes_five_rows_that_the_lake_accepts(site: Home, task: Task) -> None:
    record = _record(_read(task, bundled("CT_small.dcm")))
    assert [table for table, _ in record.rows] == [
        "person",
        "study",
        "image_occurrence",
        "instance",
        "instance_file",
    ]
    for table, row in record.rows:
        assert set(row) <= {column.name for column in TABLES[table].columns}
        assert faults(TABLES[table], [row]) == {}
    rows = dict(record.rows)
    assert rows["person"] == {
        "person_id": rows["study"]["person_id"],
        "year_of_birth": None,
        "gender_concept_id": 0,
        "site": "alpha",
        "linked": False,
        "identity_doubts": None,
    }
    series = rows["image_occurrence"]
    assert series["Modality"] == "CT"
    assert (series["SliceThickness"], series["PixelSpacingRow"], series["KVP"]) == (5.0, 0.661468, 120.0)
    assert (series["Rows"], series["Columns"], series["NumberOfInstances"]) == (128, 128, 1)
    assert series["ManufacturerModelName"] == "RHAPSODE"
    assert rows["instance"]["ImagePositionZ"] == -75.699997
    assert rows["instance"]["NumberOfFrames"] == 1
    assert [rows["instance"][f"ImageOrientation{axis}"] for axis in ("RowX", "RowY", "ColumnY")] == [1, 0, 1]
    assert (rows["instance"]["PixelSpacingColumn"], rows["instance"]["Rows"]) == (0.661468, 128)
    assert rows["study"]["accession_key"] is None  # the file's is empty
    assert date(2003, 1, 1) < rows["study"]["StudyDate"] < date(2004, 1, 19)
    assert series["SizeBytes"] == rows["instance_file"]["size"]


def test_the_object_is_stored_and_is_what_the_rows_say(site: Home, task: Task) -> None:
    record = _record(_read(task, bundled("CT_small.dcm")))
    rows = dict(record.rows)
    stored = dcmread(site.objects / record.object_path)
    assert stored.SOPInstanceUID == rows["instance"]["SOPInstanceUID"]
    assert stored.StudyDate == f"{rows['study']['StudyDate']:%Y%m%d}"
    assert stored.PatientID == rows["person"]["person_id"]
    assert stored.PixelData == dcmread(bundled("CT_small.dcm")).PixelData
    assert (site.objects / record.object_path).stat().st_size == rows["instance_file"]["size"]


def test_the_accession_number_is_keyed_by_the_person_whoever_issued_it(task: Task, tmp_path: Path) -> None:
    def numbered(accession: str, patient: str = "1CT1") -> str | None:
        def change(dataset: Dataset) -> None:
            dataset.AccessionNumber, dataset.PatientID = accession, patient

        rows = dict(_record(_read(task, _changed(tmp_path, change))).rows)
        key: str | None = rows["study"]["accession_key"]
        return key

    assert numbered("A77 ") == numbered("A77") != numbered("A78")
    assert numbered("A77") != numbered("A77", patient="2CT2")
    assert numbered(" ") is None


def test_reading_twice_gives_the_same_record(task: Task) -> None:
    first, second = (_record(_read(task, bundled("CT_small.dcm"))) for _ in range(2))
    assert first == second


def test_the_same_instance_with_other_pixels_has_the_same_key_and_other_content(
    task: Task, tmp_path: Path
) -> None:
    first = _record(_read(task, bundled("CT_small.dcm")))
    altered = _changed(tmp_path, lambda ds: setattr(ds, "PixelData", bytes(len(ds.PixelData))))
    second = _record(_read(task, altered))
    assert first.key == second.key
    assert first.content != second.content
    assert second.conflict is Reason.INSTANCE_CONFLICT


def test_age_and_year_of_birth_come_from_the_header_the_device_wrote(task: Task, tmp_path: Path) -> None:
    def born(dataset: Dataset) -> None:
        dataset.PatientBirthDate, dataset.PatientSex = "19520314", "F"

    rows = dict(_record(_read(task, _changed(tmp_path, born))).rows)
    assert (rows["person"]["year_of_birth"], rows["person"]["gender_concept_id"]) == (1952, 8532)
    assert rows["study"]["PatientAge"] == 51


def test_a_great_age_is_grouped_by_the_year_of_the_import(task: Task, tmp_path: Path) -> None:
    path = _changed(tmp_path, lambda ds: setattr(ds, "PatientBirthDate", "19010101"))
    rows = dict(_record(_read(task, path)).rows)
    assert (rows["person"]["year_of_birth"], rows["study"]["PatientAge"]) == (1936, 90)


def test_an_enhanced_object_tells_its_geometry_from_its_functional_groups(task: Task, tmp_path: Path) -> None:
    def enhance(dataset: Dataset) -> None:
        shared, frame, measures, position = Dataset(), Dataset(), Dataset(), Dataset()
        measures.PixelSpacing, measures.SliceThickness = [0.5, 0.75], 2
        position.ImagePositionPatient = [1, 2, 3]
        shared.PixelMeasuresSequence, frame.PlanePositionSequence = [measures], [position]
        dataset.SharedFunctionalGroupsSequence = [shared]
        dataset.PerFrameFunctionalGroupsSequence = [frame]
        del dataset.PixelSpacing, dataset.SliceThickness, dataset.ImagePositionPatient

    rows = dict(_record(_read(task, _changed(tmp_path, enhance))).rows)
    series, instance = rows["image_occurrence"], rows["instance"]
    assert (series["PixelSpacingRow"], series["PixelSpacingColumn"], series["SliceThickness"]) == (
        0.5,
        0.75,
        2,
    )
    assert [instance[f"ImagePosition{axis}"] for axis in "XYZ"] == [1, 2, 3]


def test_a_member_of_an_archive_is_read_in_place(task: Task, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "cd.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(bundled("CT_small.dcm"), "DIR/1")
    inside = _record(_read(task, tmp_path / "cd.zip", "DIR/1"))
    assert inside == _record(_read(task, bundled("CT_small.dcm")))


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        (lambda ds: delattr(ds, "SOPInstanceUID"), Reason.UID_MISSING, "SOPInstanceUID (0008,0018)"),
        (lambda ds: setattr(ds, "StudyInstanceUID", ""), Reason.UID_MISSING, "StudyInstanceUID (0020,000D)"),
        (lambda ds: delattr(ds, "SeriesInstanceUID"), Reason.UID_MISSING, "SeriesInstanceUID (0020,000E)"),
        (lambda ds: delattr(ds, "PatientID"), Reason.PATIENT_UNKNOWN, "PatientID (0010,0020)"),
        (lambda ds: setattr(ds, "PatientID", "  "), Reason.PATIENT_UNKNOWN, "PatientID (0010,0020)"),
        (
            lambda ds: setattr(ds, "BurnedInAnnotation", "YES"),
            Reason.POLICY,
            "BurnedInAnnotation (0028,0301) is not NO",
        ),
        (lambda ds: delattr(ds, "PixelData"), Reason.TRUNCATED, "PixelData (7FE0,0010) is absent"),
        (
            lambda ds: setattr(ds, "PixelData", ds.PixelData[:-100]),
            Reason.TRUNCATED,
            "PixelData (7FE0,0010): 32668 bytes of 32768",
        ),
        (lambda ds: setattr(ds, "Rows", None), Reason.UNREADABLE, "an attribute of the pixels' shape"),
        (
            lambda ds: setattr(ds, "IssuerOfPatientID", "ASIP-SANTE-INS-NIR"),
            Reason.IDENTITY_REFUSED,
            "PatientID (0010,0020) or OtherPatientIDsSequence (0010,1002)",
        ),
    ],
)
def test_what_is_refused_says_the_tag_and_no_value(
    task: Task, tmp_path: Path, change: Change, reason: Reason, detail: str
) -> None:
    refusal = _refusal(_read(task, _changed(tmp_path, change)))
    assert (refusal.reason, refusal.detail) == (reason, detail)


@pytest.mark.parametrize("kept", [200, 1000, 3000, 9000, -1])
def test_a_file_cut_anywhere_is_refused(task: Task, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut"
    path.write_bytes(_up_to_the_last_pixel(bundled("MR_small.dcm"))[:kept])
    assert _refusal(_read(task, path)).reason in (Reason.TRUNCATED, Reason.UID_MISSING, Reason.UNREADABLE)


def test_a_file_without_pixels_cut_in_its_last_sequence_is_refused(task: Task) -> None:
    refusal = _refusal(_read(task, bundled("rtplan_truncated.dcm")))
    assert (refusal.reason, refusal.detail) == (Reason.TRUNCATED, "(300A,00B0)")


@pytest.mark.parametrize("kept", [2000, -9, -400])
def test_a_compressed_file_cut_in_its_frames_is_refused(task: Task, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut"
    path.write_bytes(_up_to_the_last_pixel(bundled("MR_small_RLE.dcm"))[:kept])
    assert _refusal(_read(task, path)).reason is Reason.TRUNCATED


def _up_to_the_last_pixel(path: Path) -> bytes:
    """The file's bytes up to its last pixel, without the padding some of them end in."""
    content = path.read_bytes()
    padding = content.rfind(b"\xfc\xff\xfc\xff")
    return content if padding < 0 else content[:padding]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"a text called .dcm", Reason.NOT_SUPPORTED),
        (b"\x89PNG\r\n\x1a\n" + bytes(600), Reason.NOT_SUPPORTED),
        (b"PK\x03\x04 and no more", Reason.UNREADABLE),
        (bytes(128) + b"DICM", Reason.UID_MISSING),
        (bytes(128) + b"DICM" + b"\x02\x00\x10\x00UI\xff\xff1.2", Reason.UID_MISSING),
    ],
)
def test_what_is_no_dicom_file_is_refused(task: Task, tmp_path: Path, content: bytes, reason: Reason) -> None:
    path = tmp_path / "IM1.dcm"
    path.write_bytes(content)
    assert _refusal(_read(task, path)).reason is reason


def test_an_archive_in_an_archive_is_refused(task: Task, tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.write(bundled("CT_small.dcm"), "x")
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as archive:
        archive.writestr("in.zip", inner.getvalue())
    refusal = _refusal(_read(task, tmp_path / "out.zip", "in.zip"))
    assert (refusal.reason, refusal.detail) == (Reason.NOT_SUPPORTED, "archive inside an archive")


def test_a_file_that_is_gone_is_refused(task: Task, tmp_path: Path) -> None:
    assert _refusal(_read(task, tmp_path / "gone")).reason is Reason.UNREADABLE


def test_pydicom_is_kept_quiet_and_left_as_it_was(
    task: Task, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its warnings quote values; the suite turns any of them into a failure, and its log must stay empty."""
    unheard_of = _changed(tmp_path, lambda ds: ds.add_new(0x00187FFE, "LO", "x"), "MR_small_implicit.dcm")
    before = pydicom.config.settings.reading_validation_mode, pydicom.config.logger.disabled
    for path in (
        unheard_of,
        bundled("badVR.dcm"),
        bundled("empty_charset_LEI.dcm"),
        bundled("UN_sequence.dcm"),
    ):
        _read(task, path)
    assert not caplog.records
    assert before == (pydicom.config.settings.reading_validation_mode, pydicom.config.logger.disabled)


def test_two_files_of_one_patient_make_one_person(task: Task, tmp_path: Path) -> None:
    first = dict(_record(_read(task, bundled("CT_small.dcm"))).rows)["person"]["person_id"]
    same = _changed(tmp_path, lambda ds: setattr(ds, "PatientID", "1CT1"), "MR_small.dcm")
    assert dict(_record(_read(task, same)).rows)["person"]["person_id"] == first


def test_a_worker_of_another_home_makes_other_pseudonyms_uids_and_dates(
    task: Task, make_home: Callable[..., Home]
) -> None:
    here = dict(_record(_read(task, bundled("CT_small.dcm"))).rows)
    other = Task(home=make_home("beta").root, policy="basic", mapping=None, year=2026)
    there = dict(_record(read(Item(source=KIND, path=bundled("CT_small.dcm")), worker_for(other))).rows)
    close_worker(other)
    for table, column in (
        ("person", "person_id"),
        ("study", "StudyInstanceUID"),
        ("instance_file", "sha256"),
    ):
        assert here[table][column] != there[table][column]


def test_every_identifier_with_an_issuer_is_told_and_an_ins_is_provisional() -> None:
    dataset, ins, insurer, bare = Dataset(), Dataset(), Dataset(), Dataset()
    qualifiers = Dataset()
    qualifiers.UniversalEntityID, qualifiers.UniversalEntityIDType = "1.2.250.1.213.1.4.10", "ISO"
    ins.PatientID, ins.IssuerOfPatientID = "248039263001064", "ASIP-SANTE-INS-NIR"
    ins.IssuerOfPatientIDQualifiersSequence = [qualifiers]
    insurer.PatientID, insurer.IssuerOfPatientID = "B-12", "Clinique du Port"
    bare.PatientID = "77"
    dataset.PatientID = "A\\1 "
    dataset.OtherPatientIDsSequence = [ins, insurer, bare]
    identity = identity_of(dataset)
    assert identity is not None and identity.national is not None
    assert [(known.issuer, known.value) for known in identity.local] == [
        ("", "A\\1"),
        ("Clinique du Port", "B-12"),
    ]
    assert dataclasses.astuple(identity.national) == ("1.2.250.1.213.1.4.10", "248039263001064", "PROV")


def test_a_header_without_identifiers_is_nobody() -> None:
    assert identity_of(Dataset()) is None


def test_contrast_is_told_as_yes_and_its_words_stay_behind(site: Home, task: Task, tmp_path: Path) -> None:
    secret = "Iomeron DURAND 12 mars"
    record = _record(
        _read(task, _changed(tmp_path, lambda image: setattr(image, "ContrastBolusAgent", secret)))
    )
    assert dict(record.rows)["image_occurrence"]["contrast_declared"] is True
    assert secret not in repr(record.rows)
    assert secret.encode() not in (site.objects / record.object_path).read_bytes()
