"""What de-identification makes of a header, one fact at a time."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from io import BytesIO

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence
from reference_path import deidentify

from federim.model.identifiers import Pseudonym, Subject
from federim_pipelines.deidentify.file_format import encode
from federim_pipelines.deidentify.part10 import IMPLEMENTATION_CLASS
from federim_pipelines.deidentify.policy.compilation import compile_policy, load_policy
from federim_pipelines.deidentify.policy.policy import Policy
from federim_pipelines.deidentify.text.own_values import OwnValues

MakeDataset = Callable[..., Dataset]


def test_the_object_says_who_it_is_and_what_was_done(
    make_dataset: MakeDataset, subject: Subject, policy: Policy
) -> None:
    clean = deidentify(make_dataset(), subject, policy)
    assert clean.PatientID == subject.person_id
    assert not clean.PatientName and not clean.PatientBirthDate and not clean.AccessionNumber
    assert clean.PatientIdentityRemoved == "YES"
    assert clean.LongitudinalTemporalInformationModified == "MODIFIED"
    assert clean.DeidentificationMethod == f"Federim policy {policy.digest[:16]}"
    assert [item.CodeValue for item in clean.DeidentificationMethodCodeSequence] == ["113100", "113107"]
    assert clean.DeidentificationMethodCodeSequence[0].CodeMeaning.startswith("Basic Application")


def test_the_file_meta_owes_the_source_its_transfer_syntax_alone(
    make_dataset: MakeDataset, subject: Subject, policy: Policy
) -> None:
    dataset = make_dataset()
    dataset.file_meta.ImplementationVersionName = "ACME 1"
    written = pydicom.dcmread(BytesIO(encode(deidentify(dataset, subject, policy))))
    assert written.preamble == bytes(128)
    assert written.file_meta.MediaStorageSOPInstanceUID == written.SOPInstanceUID
    assert written.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS
    assert written.file_meta.ImplementationVersionName == "FEDERIM"
    assert written.file_meta.TransferSyntaxUID == dataset.file_meta.TransferSyntaxUID


def test_the_source_is_left_as_it_was(make_dataset: MakeDataset, subject: Subject, policy: Policy) -> None:
    dataset = make_dataset()
    before = deepcopy(dataset)
    deidentify(dataset, subject, policy)
    assert dataset == before


def test_the_same_input_gives_the_same_bytes(
    make_dataset: MakeDataset, subject: Subject, policy: Policy
) -> None:
    assert encode(deidentify(make_dataset(), subject, policy)) == encode(
        deidentify(make_dataset(), subject, policy)
    )


def test_another_patient_gets_other_uids_and_dates(
    make_dataset: MakeDataset, subject: Subject, policy: Policy
) -> None:
    other = Subject(person_id=Pseudonym("0" * 32), linked=True, date_shift_days=-7, uid_key=bytes(32))
    first, second = (deidentify(make_dataset(), person, policy) for person in (subject, other))
    assert first.StudyInstanceUID != second.StudyInstanceUID
    assert (first.StudyDate, second.StudyDate) == ("20231121", "20240222")


def test_dates_without_the_option_are_emptied(make_dataset: MakeDataset, subject: Subject) -> None:
    clean = deidentify(make_dataset(), subject, compile_policy("none", frozenset(), {}))
    assert not clean.StudyDate and not clean.StudyTime
    assert clean.LongitudinalTemporalInformationModified == "REMOVED"


def test_a_damaged_element_goes_and_the_rest_stays(
    make_dataset: MakeDataset, subject: Subject, policy: Policy
) -> None:
    raw = encode(deidentify(make_dataset(SliceThickness="1.25"), subject, policy))
    damaged = raw.replace(b"DS\x04\x001.25", b"DS\x04\x00Mael")
    assert damaged != raw
    clean = deidentify(pydicom.dcmread(BytesIO(damaged)), subject, policy)
    assert "SliceThickness" not in clean
    assert clean.Modality == "CT"


def test_text_in_another_character_set_comes_out_in_unicode(
    make_dataset: MakeDataset, subject: Subject, policy: Policy
) -> None:
    source = make_dataset(SpecificCharacterSet="ISO_IR 100", Manufacturer="Société Générale de Radiologie")
    buffer = BytesIO()
    source.save_as(buffer, enforce_file_format=True)
    assert "Société".encode("latin-1") in buffer.getvalue()
    written = pydicom.dcmread(
        BytesIO(encode(deidentify(pydicom.dcmread(BytesIO(buffer.getvalue())), subject, policy)))
    )
    assert written.Manufacturer == "Société Générale de Radiologie"


def test_a_required_label_leaves_a_word_in_its_place(
    make_dataset: MakeDataset, subject: Subject, policy: Policy
) -> None:
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel, segment.SegmentDescription = (
        1,
        "tumour of Mr K",
        "seen by Dr K",
    )
    clean = deidentify(make_dataset(SegmentSequence=Sequence([segment])), subject, policy)
    assert clean.SegmentSequence[0].SegmentLabel == "REMOVED"
    assert "SegmentDescription" not in clean.SegmentSequence[0]


def test_a_description_that_must_not_be_empty_leaves_a_word_when_none_of_its_own_may_stay(
    make_dataset: MakeDataset, subject: Subject
) -> None:
    dataset = make_dataset(
        RTPlanLabel="Kergoat", ProtocolName="Kergoat", ROIName="Kergoat", RTPlanName="Kergoat"
    )
    clean = deidentify(dataset, subject, load_policy("research"))
    assert (clean.RTPlanLabel, clean.ProtocolName) == ("REMOVED", "REMOVED")
    assert (clean.ROIName, clean.RTPlanName) == ("", "")
    assert deidentify(make_dataset(RTPlanLabel="THORAX"), subject, load_policy()).RTPlanLabel == "THORAX"


def test_where_uids_are_kept_those_the_table_does_not_list_are_too(
    make_dataset: MakeDataset, subject: Subject
) -> None:
    own = {"FrameOfReferenceUID": "1.2.3.4.4", "VolumeFrameOfReferenceUID": "1.2.3.4.9"}
    kept = deidentify(make_dataset(**own), subject, compile_policy("uids", frozenset({"retain_uids"}), {}))
    keyed = deidentify(make_dataset(**own), subject, compile_policy("none", frozenset(), {}))
    for keyword, uid in own.items():
        assert kept[keyword].value == uid
        assert keyed[keyword].value.startswith("2.25.")


def test_great_ages_are_one_group_and_a_birth_date_is_a_year(
    make_dataset: MakeDataset, subject: Subject
) -> None:
    for birth, age, year, group in (
        ("19520314", "071Y", "19520101", "071Y"),
        ("19300314", "094Y", "19360101", "090Y"),
        ("19340314", "089Y", "19360101", "089Y"),
    ):
        clean = deidentify(make_dataset(PatientBirthDate=birth, PatientAge=age), subject, load_policy())
        assert (clean.PatientBirthDate, clean.PatientAge) == (year, group)


@pytest.mark.parametrize(
    "text", ["Mr DUPONT", "dupont", "JDupont2", "D'Upont", "Léa", "lea", "75-0012", "X750012Y"]
)
def test_a_patients_own_values_are_seen_in_any_spelling(text: str) -> None:
    header = Dataset()
    header.PatientName, header.PatientID = "Dupont^Léa", "75.0012"
    assert OwnValues.of(header).are_in(text)


@pytest.mark.parametrize("text", ["PRIMARY", "AXIAL", "LEAST", "T1 MPRAGE", "75", "12", ""])
def test_technical_words_are_nobodys_name(text: str) -> None:
    header = Dataset()
    header.PatientName, header.PatientID = "Li^Mary", "12"
    assert not OwnValues.of(header).are_in(text)


def test_own_values_do_not_show_themselves() -> None:
    header = Dataset()
    header.PatientName = "Dupont"
    assert "DUPONT" not in repr(OwnValues.of(header))


# ── Properties over invented headers ──────────────────────────────────────────────────────────────

UIDS = st.integers(1, 9).map(lambda number: f"1.2.3.{number}")
DATES = st.dates().map(lambda day: f"{day:%Y%m%d}".zfill(8))
WORDS = st.text("ABC xyz01", max_size=8)


@st.composite
def items(draw: st.DrawFn, depth: int = 2) -> Dataset:
    item = Dataset()
    for tag, vr, values in (
        (0x00081155, "UI", UIDS),
        (0x00080020, "DA", DATES),
        (0x00181008, "LO", WORDS),
        (0x00091010, "LO", WORDS),
        (0x00080104, "LO", WORDS),
        (0x00187060, "CS", WORDS),
        (0x60000022, "LO", WORDS),
        (0x00280010, "US", st.integers(0, 65535)),
    ):
        if draw(st.booleans()):
            item.add(DataElement(tag, vr, draw(values)))
    if depth and draw(st.booleans()):
        item.ReferencedImageSequence = Sequence(draw(st.lists(items(depth=depth - 1), max_size=2)))
    return item


def _elements(dataset: Dataset) -> list[DataElement]:
    return list(dataset.iterall())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nested=st.lists(items(), max_size=3), shift=st.integers(-365, -1))
def test_every_header_comes_out_clean_and_consistent(
    make_dataset: MakeDataset, nested: list[Dataset], shift: int
) -> None:
    subject = Subject(person_id=Pseudonym("5eed" * 8), linked=False, date_shift_days=shift, uid_key=bytes(32))
    dataset = make_dataset(SourceImageSequence=Sequence(nested), SOPInstanceUID="1.2.3.1")
    clean = deidentify(dataset, subject, load_policy())

    assert not [element.tag for element in _elements(clean) if element.tag.group % 2]

    uids = {str(element.value) for element in _elements(dataset) if element.VR == "UI" and element.value}
    keyed = {str(element.value) for element in _elements(clean) if element.VR == "UI" and element.value}
    assert len(keyed) == len(uids), "two UIDs became one, or one became two"
    own = {e.value for e in _elements(dataset) if e.tag == 0x00081155 and e.value == dataset.SOPInstanceUID}
    if own:
        assert clean.SOPInstanceUID in {e.value for e in _elements(clean) if e.tag == 0x00081155}

    again = deidentify(clean, subject, load_policy())
    assert [(e.tag, e.VR) for e in _elements(again)] == [(e.tag, e.VR) for e in _elements(clean)]


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "liver_1frame.dcm", "examples_palette.dcm"]
)
def test_no_number_of_a_real_header_is_lost(name: str, subject: Subject, policy: Policy) -> None:
    source = pydicom.dcmread(get_testdata_file(name, download=False))
    source.PatientID = source.PatientName = "nobody"
    clean = deidentify(source, subject, policy)
    numeric = {"DS", "IS", "AT", "FD", "FL", "SL", "SS", "UL", "US"}

    def numbers(dataset: Dataset) -> list[tuple[object, ...]]:
        return [
            (element.tag, str(element.value))
            for element in dataset.iterall()
            if element.VR in numeric and not element.tag.is_private and policy.action(element.tag) is None
        ]

    assert len(numbers(source)) > 10
    assert numbers(clean) == [found for found in numbers(source) if found[0] >> 24 != 0x60]
