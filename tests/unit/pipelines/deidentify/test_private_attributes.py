"""Private attributes stay where they are known to be safe, by their maker and whatever their block."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.misc import is_dicom
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from reference_path import deidentify

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.dictionaries import private_vr_of
from federim_pipelines.deidentify.dispositions import Disposition, Dispositions, Said
from federim_pipelines.deidentify.file_format import encode
from federim_pipelines.deidentify.instance import Deidentifier
from federim_pipelines.deidentify.policy.compilation import compile_policy, load_policy
from federim_pipelines.deidentify.policy.policy import Action
from federim_pipelines.deidentify.private import Keep, PrivateRules, safe_attributes

MakeDataset = Callable[..., Dataset]

RESEARCH = load_policy("research")
RULES = PrivateRules(Dispositions())
CANARY = "ZZCANARYZZ"

SCIENCE = [
    ("SIEMENS MR HEADER", 0x0019100C, "IS"),  # b-value
    ("SIEMENS MR HEADER", 0x0019100E, "FD"),  # gradient direction
    ("SIEMENS MR HEADER", 0x00191028, "FD"),  # bandwidth per pixel, phase encode
    ("GEMS_PARM_01", 0x00431039, "IS"),  # b-value
    ("GEMS_ACQU_01", 0x001910BB, "DS"),  # gradient direction
    ("GEMS_ACQU_01", 0x00191024, "DS"),  # mid scan time
    ("Philips Imaging DD 001", 0x20011003, "FL"),  # b-value
    ("Philips MR Imaging DD 001", 0x200510B0, "FL"),  # gradient direction
    ("Philips MR Imaging DD 001", 0x2005100E, "FL"),  # scale slope
    ("Philips PET Private Group", 0x70531000, "DS"),  # SUV factor
    ("Philips PET Private Group", 0x70531009, "DS"),  # activity concentration factor
    ("Image Private Header", 0x00651009, "FD"),  # United Imaging's b-value
    ("NQLeft", 0x0199100B, "FL"),  # volume of the left hippocampus
]


@pytest.mark.parametrize(("creator", "tag", "vr"), SCIENCE)
def test_what_research_computes_with_stays_and_is_read_as_its_maker_documents(
    creator: str, tag: int, vr: str
) -> None:
    assert RULES.keeps(creator, tag) == RULES.keeps(creator, tag, vr) == Keep(vr, Action.KEEP)


@given(st.sampled_from(SCIENCE), st.integers(0x10, 0xFF))
def test_the_block_makes_no_difference(known: tuple[str, int, str], block: int) -> None:
    creator, tag, vr = known
    assert RULES.keeps(creator, tag & 0xFFFF00FF | block << 8) == Keep(vr, Action.KEEP)


@pytest.mark.parametrize(
    ("creator", "tag", "vr"),
    [
        ("SIEMENS CSA HEADER", 0x00291010, "OB"),
        ("SIEMENS CSA HEADER", 0x00291020, "OB"),
        ("siemens mr header", 0x0019100C, "IS"),
        ("SIEMENS MR HEADER", 0x0021100C, "IS"),
        ("ACME", 0x0019100C, "IS"),
        ("GEMS_PARM_01", 0x00431061, "UI"),
        ("GEMS_PATI_01", 0x00111010, "SS"),
        ("Philips ST80i", 0x00251001, "OB"),
        ("", 0x0019100C, "IS"),
    ],
)
def test_everything_else_goes(creator: str, tag: int, vr: str) -> None:
    assert RULES.keeps(creator, tag, vr) is None


@pytest.mark.parametrize("vr", ["LO", "SH", "LT", "UT", "PN", "UR", "SQ", "OW"])
def test_words_or_a_dataset_in_the_place_of_a_number_go(vr: str) -> None:
    assert RULES.keeps("SIEMENS MR HEADER", 0x0019100C, vr) is None


def test_a_number_stored_as_bytes_of_no_known_kind_is_read_as_its_maker_documents() -> None:
    assert RULES.keeps("GEMS_HELIOS_01", 0x00451001, "OB") == RULES.keeps("GEMS_HELIOS_01", 0x00451001, "SS")


def test_lines_of_text_of_the_table_are_cleaned_and_those_a_site_names_stay_whole() -> None:
    said = Dispositions({("Philips Imaging DD 001", 0x2001006E): Said(Disposition.KEEP, None)})
    for rules, action in [(RULES, Action.CLEAN), (PrivateRules(said), Action.KEEP)]:
        assert rules.keeps("Philips Imaging DD 001", 0x2001106E, "SH") == Keep("SH", action)


def test_a_uid_is_keyed_and_prose_cleaned() -> None:
    assert RULES.keeps("NQHeader", 0x00991002) == Keep("UI", Action.UID)
    assert RULES.keeps("NQHeader", 0x00991005, "LT") == Keep("LT", Action.CLEAN)
    assert RULES.keeps("NQHeader", 0x00991005) is None  # nobody says how to read it


def test_the_vrs_of_the_table_are_those_of_the_makers_documents() -> None:
    known = {
        (creator, element): private_vr_of(element | 0x1000, creator) for creator, element in safe_attributes()
    }
    differing = {key: vr for key, vr in safe_attributes().items() if vr and known[key] and known[key] != vr}
    assert not differing
    assert len(safe_attributes()) > 478  # Table E.3.10-1, and what Federim adds


def test_makers_documents_are_found_in_every_form_they_are_written_in() -> None:
    assert private_vr_of(0x0019120C, "SIEMENS MR HEADER") == "IS"  # 0019xx0C
    assert private_vr_of(0x700D1005, "CANON_MEC_MR3") == "DS"  # 700D0005
    assert private_vr_of(0x70041005, "DLX_ANNOT_01") == "IS"  # 70xxxx05
    assert private_vr_of(0x00091002, "ACUSON") is None  # says UN
    assert private_vr_of(0x00191001, "nobody") is None


def _diffusion(creator: str = "SIEMENS MR HEADER") -> Dataset:
    dataset = Dataset()
    block = dataset.private_block(0x0019, creator, create=True)
    block.add_new(0x0C, "IS", "1000")
    block.add_new(0x0E, "FD", [0.5, -0.5, 0.7071])
    block.add_new(0x0F, "SH", CANARY)
    csa = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    csa.add_new(0x10, "OB", CANARY.encode())
    return dataset


def test_a_block_keeps_its_creator_where_something_of_it_stays(
    make_dataset: MakeDataset, subject: Subject
) -> None:
    dataset = make_dataset()
    dataset.update(_diffusion())
    clean = deidentify(dataset, subject, RESEARCH)
    assert clean[0x0019100C].value == 1000
    assert clean[0x0019100E].value == [0.5, -0.5, 0.7071]
    assert clean[0x00190010].value == "SIEMENS MR HEADER"
    assert not {0x0019100F, 0x00290010, 0x00291010} & set(clean.keys())


def test_without_the_option_nothing_private_stays(make_dataset: MakeDataset, subject: Subject) -> None:
    dataset = make_dataset()
    dataset.update(_diffusion())
    clean = deidentify(dataset, subject, load_policy("basic"))
    assert not [tag for tag in clean.keys() if tag.is_private]  # noqa: SIM118


def test_a_private_sequence_in_a_private_sequence_is_cleaned_to_its_depth(
    make_dataset: MakeDataset, subject: Subject
) -> None:
    creator = "Philips Imaging DD 001"
    inner = _diffusion()
    inner.PatientName, inner.SliceThickness, inner.ReferencedSOPInstanceUID = CANARY, "5", "1.2.3.4.1"
    middle = Dataset()
    block = middle.private_block(0x2001, creator, create=True)
    block.add_new(0x5F, "SQ", Sequence([inner]))
    block.add_new(0x62, "LO", CANARY)
    dataset = make_dataset()
    dataset.private_block(0x2001, creator, create=True).add_new(0x5F, "SQ", Sequence([middle]))
    clean = deidentify(dataset, subject, RESEARCH)
    kept = clean[0x2001105F].value[0][0x2001105F].value[0]
    assert (kept[0x0019100C].value, kept.SliceThickness) == (1000, 5)
    assert kept.ReferencedSOPInstanceUID == clean.SOPInstanceUID
    assert CANARY not in str(clean)


def test_text_known_to_be_safe_goes_where_it_holds_the_patients_own_values(
    make_dataset: MakeDataset, subject: Subject
) -> None:
    dataset = make_dataset()
    block = dataset.private_block(0x2001, "Philips Imaging DD 001", create=True)
    block.add_new(0x6E, "SH", "Quéffelec")  # series type
    block.add_new(0x87, "SH", "1H")  # nucleus
    clean = deidentify(dataset, subject, RESEARCH)
    assert clean[0x20011087].value == "1H"
    assert not clean.get(0x2001106E) or not clean[0x2001106E].value


def test_a_text_that_a_reviewer_rejected_goes_wherever_it_would_stay_whole(
    make_dataset: MakeDataset, subject: Subject
) -> None:
    said = Dispositions({("ACME", 0x00110001): Said(Disposition.KEEP, "LO")})
    dataset = make_dataset(ReceiveCoilName="ACME-HEAD 20")
    dataset.private_block(0x0011, "ACME", create=True).add_new(1, "LO", ["ACME-HEAD 20", "other"])
    options = frozenset({"clean_descriptors", "retain_safe_private"})
    for denied, kept in [(frozenset[str](), "ACME-HEAD 20"), (frozenset({"ACME-HEAD 20"}), "")]:
        policy = compile_policy("reviewed", options, {}, dispositions=said, denied=denied)
        clean = deidentify(dataset, subject, policy)
        assert clean.ReceiveCoilName == kept
        assert clean[0x00111001].value == [kept, "other"]


def test_private_dates_move_as_public_ones_do(make_dataset: MakeDataset, subject: Subject) -> None:
    dataset = make_dataset(StudyDate="20240229")
    dataset.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20240229101500")
    full = compile_policy("full", frozenset({"retain_longitudinal_full_dates", "retain_safe_private"}), {})
    none = compile_policy("none", frozenset({"retain_safe_private"}), {})
    moved = deidentify(dataset, subject, RESEARCH)
    assert moved[0x0009100D].value == f"{moved.StudyDate}101500"
    assert deidentify(dataset, subject, full)[0x0009100D].value == "20240229101500"
    assert 0x0009100D not in deidentify(dataset, subject, none)


def test_the_word_of_a_site_wins_both_ways() -> None:
    said = Dispositions(
        {
            ("SIEMENS MR HEADER", 0x0019000C): Said(Disposition.DELETE, "IS"),
            ("SIEMENS MR HEADER", 0x0019000F): Said(Disposition.KEEP, "SH"),
            ("SIEMENS CSA HEADER", 0x00290010): Said(Disposition.KEEP, "OB"),
            ("ACME", 0x00110001): Said(Disposition.HASH, None),
            ("ACME", 0x00110002): Said(Disposition.OFFSET, "DA"),
            ("ACME", 0x00110003): Said(Disposition.EMPTY, "LO"),
            ("ACME", 0x00110004): Said(Disposition.OFFSET_INTEGER, "SL"),
        }
    )
    rules = PrivateRules(said)
    assert rules.keeps("SIEMENS MR HEADER", 0x0019100C, "IS") is None
    assert rules.keeps("SIEMENS MR HEADER", 0x0019100F, "SH") == Keep("SH", Action.KEEP)
    assert rules.keeps("SIEMENS MR HEADER", 0x0019100E, "FD") == Keep("FD", Action.KEEP)
    assert rules.keeps("SIEMENS CSA HEADER", 0x00291010, "OB") == Keep("OB", Action.KEEP)
    assert rules.keeps("ACME", 0x00111001, "UI") == Keep("UI", Action.UID)
    assert rules.keeps("ACME", 0x00111002, "DA") == Keep("DA", Action.DATE)
    assert rules.keeps("ACME", 0x00111003, "LO") == Keep("LO", Action.EMPTY)
    assert rules.keeps("ACME", 0x00111004, "SL") is None


@pytest.mark.parametrize(
    ("folder", "creator", "element", "count"),
    [
        ("dcm_qa", "SIEMENS MR HEADER", 0x00190028, 2),
        ("dcm_qa_uih", "Image Private Header", 0x00650009, 4),
        ("dcm_qa_ge", "GEMS_PARM_01", 0x00430039, 1),
        ("dcm_qa_nih", "GEMS_ACQU_01", 0x001900BB, 1),
    ],
)
def test_makers_numbers_come_out_of_real_files_as_they_went_in(
    shared_data: Path, subject: Subject, folder: str, creator: str, element: int, count: int
) -> None:
    found = 0
    for path in sorted(path for path in (shared_data / folder).rglob("*") if path.is_file()):
        if not is_dicom(path):
            continue
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        blocks = [
            tag.element
            for tag in dataset.keys()  # noqa: SIM118
            if tag.group == element >> 16 and tag.is_private_creator and dataset[tag].value == creator
        ]
        tags = [element | block << 8 for block in blocks if element | block << 8 in dataset]
        if not tags:
            continue
        clean = deidentify(dataset, subject, RESEARCH)
        for tag in tags:
            assert clean[tag].value == dataset[tag].value
            assert clean[tag].VR == dataset[tag].VR
        assert not {"SIEMENS CSA HEADER"} & {
            element.value for element in clean if element.tag.is_private_creator
        }
        found += 1
        if found == count:
            return
    pytest.fail(f"no file of {folder} has it")


def test_an_attribute_of_an_implicit_file_gets_its_makers_vr(
    make_dataset: MakeDataset, subject: Subject
) -> None:
    dataset = make_dataset()
    dataset.update(_diffusion())
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    clean = deidentify(pydicom.dcmread(BytesIO(buffer.getvalue())), subject, RESEARCH)
    assert (clean[0x0019100C].VR, clean[0x0019100C].value) == ("IS", 1000)
    assert (clean[0x0019100E].VR, clean[0x0019100E].value) == ("FD", [0.5, -0.5, 0.7071])


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=lambda uid: uid.name)
def test_both_paths_read_private_attributes_alike(
    make_dataset: MakeDataset, subject: Subject, syntax: UID
) -> None:
    dataset = make_dataset()
    dataset.update(_diffusion())
    for group, creator, attributes in [
        (0x0009, "GEMS_PETD_01", [(0x0D, "DT", "20240229101500"), (0x38, "OB", b"\0\0\x80?")]),
        (0x0045, "GEMS_HELIOS_01", [(0x01, "OB", b"\x10\0"), (0x55, "UN", CANARY.encode())]),
        (0x0099, "NQHeader", [(0x02, "UI", "1.2.3.4.1"), (0x05, "LT", f"lung {CANARY}")]),
        (0x2001, "Philips Imaging DD 001", [(0x03, "FL", 800.0), (0x5F, "SQ", Sequence([_diffusion()]))]),
        (0x2001, "Philips Imaging DD 002", [(0x01, "US", 3), (0x02, "LO", CANARY)]),
        (0x0011, CANARY, [(0x01, "LO", CANARY), (0x02, "SQ", Sequence([_diffusion()]))]),
    ]:
        block = dataset.private_block(group, creator, create=True)
        for number, vr, value in attributes:
            block.add_new(number, vr, value)
    dataset.file_meta.TransferSyntaxUID = syntax
    found = []
    for fast in (True, False):
        with Deidentifier(RESEARCH, lambda _: subject, fast=fast).content(encode(dataset)) as cleaned:
            assert cleaned.fast is fast
            written = cleaned.head + cleaned.tail
            assert CANARY.encode() not in written
            found.append([element for element in pydicom.dcmread(BytesIO(written)) if element.tag.is_private])
    assert found[0] == found[1]
    assert len(found[0]) >= 10
