"""Reports lose who and where, and keep what was measured, in a tree that still holds together."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from content_trees import VALUES, at, below, by_reference, code, item
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import Comprehensive3DSRStorage, XRayRadiationDoseSRStorage
from reference_path import deidentify

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.content_table import content_action, content_rules, in_snomed_ct
from federim_pipelines.deidentify.file_format import encode
from federim_pipelines.deidentify.instance import Deidentifier
from federim_pipelines.deidentify.policy.compilation import compile_policy, load_policy
from federim_pipelines.deidentify.policy.policy import OPTION_CODES, Action, Policy

MakeDataset = Callable[..., Dataset]
MakeReport = Callable[..., Dataset]

RESEARCH, BASIC = load_policy("research"), load_policy("basic")
STRUCTURED_ALONE = compile_policy("structured", frozenset({"clean_structured_content"}), {})
CANARY = "ZZCANARYZZ"
MEASUREMENT = ("SCT", "81827009")  # Diameter
GROUP, FINDING = ("DCM", "125007"), ("DCM", "121071")


@pytest.fixture
def make_report(make_dataset: MakeDataset) -> MakeReport:
    """A report with these items under its root."""

    def build(*items: Dataset, **attributes: object) -> Dataset:
        no_image = dict.fromkeys(
            [
                *("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit"),
                *("PhotometricInterpretation", "PixelRepresentation", "PixelData", "SliceThickness"),
            ]
        )
        report = {"SOPClassUID": Comprehensive3DSRStorage, "Modality": "SR"}
        root = make_dataset(**no_image | report | attributes)
        root.file_meta.MediaStorageSOPClassUID = root.SOPClassUID
        root.ValueType = "CONTAINER"
        root.ContinuityOfContent = "SEPARATE"
        root.ConceptNameCodeSequence = Sequence([code("DCM", "126000", "Imaging Measurement Report")])
        root.ContentSequence = Sequence(items)
        return root

    return build


def _value(node: Dataset) -> str:
    return str(node.get(VALUES[node.ValueType]) or "")


def _only(report: Dataset) -> Dataset:
    (child,) = report.ContentSequence
    return child


def test_the_table_is_whole() -> None:
    assert sum(len(rules) for rules in content_rules().values()) == 214
    codes = {rule.basic for rules in content_rules().values() for rule in rules.values()}
    options = {
        option for rules in content_rules().values() for rule in rules.values() for option in rule.options
    }
    assert codes == {"X", "D", "X/D"}
    assert options <= OPTION_CODES.keys()


@pytest.mark.parametrize("policy", [RESEARCH, STRUCTURED_ALONE], ids=lambda policy: policy.name)
def test_no_row_of_the_table_lets_a_name_or_an_identifier_through(
    make_report: MakeReport, subject: Subject, policy: Policy
) -> None:
    uid, image = "1.2.3.99.1", "1.2.3.99.2"
    said = {
        **dict.fromkeys(("TEXT", "PNAME"), CANARY),
        **dict.fromkeys(("COMPOSITE", "IMAGE", "WAVEFORM"), image),
        "UIDREF": uid,
        "DATE": "20240229",
        "DATETIME": "20240229101500",
        "TIME": "101500",
        "NUM": ("12", "1"),
        "CODE": ("SCT", "248152002"),
        "CONTAINER": None,
    }
    items = [
        item(value_type, concept, said[value_type], item("TEXT", FINDING, CANARY))
        for concept, rules in content_rules().items()
        for value_type in rules
    ]
    clean = deidentify(make_report(*items), subject, policy)
    written = encode(clean)
    for gone in (CANARY, uid, image, "20240229"):
        assert gone.encode() not in written
    assert len(clean.ContentSequence) > 60


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (item("TEXT", ("DCM", "121022"), "ACC 1"), None),  # Accession Number: X
        (item("PNAME", ("DCM", "121008"), "Roy^Anne"), "REMOVED"),  # Person Observer Name: D
        (item("PNAME", ("DCM", "121152"), "Roy^Anne"), None),  # Person administering drug: X
        (item("PNAME", ("99ACME", "12"), "Roy^Anne"), None),
        (item("TEXT", ("DCM", "121008"), "Anne Roy"), "REMOVED"),  # a name written as text
        (item("TEXT", ("DCM", "121071"), "nodule, Anne Roy"), "nodule"),  # Finding: cleaned
        (item("TEXT", ("DCM", "121106"), "Anne Roy"), None),  # Comment: nothing of it may stay
        (item("TEXT", ("DCM", "112039"), "Anne Roy"), "REMOVED"),  # Tracking Identifier, required
        (item("TEXT", ("DCM", "121016"), "SN 4711"), "REMOVED"),  # Device Observer Serial Number
        (item("TEXT", ("99ACME", "13"), "lung"), "lung"),
        (item("DATE", ("DCM", "111060"), "20240229"), "20231121"),  # Study Date, 100 days earlier
        (item("DATETIME", ("99ACME", "14"), "20240229101500"), "20231121101500"),
        (item("TIME", ("99ACME", "15"), "101500"), "101500"),
        (item("DATE", ("DCM", "121031"), "19520314"), None),  # Subject Birth Date
        (item("DATETIME", ("DCM", "113723"), "20200101"), "18000101000000"),  # Calibration DateTime
    ],
)
def test_what_becomes_of_an_item(
    make_report: MakeReport, subject: Subject, made: Dataset, expected: str | None
) -> None:
    kept = deidentify(make_report(made), subject, RESEARCH).ContentSequence
    assert [_value(child) for child in kept] == ([] if expected is None else [expected])


def test_a_date_that_is_none_goes(make_report: MakeReport, subject: Subject) -> None:
    made = item("DATE", ("99ACME", "16"), "last spring")
    assert not deidentify(make_report(made), subject, RESEARCH).ContentSequence


def test_the_retired_form_of_a_snomed_code_is_the_same_concept() -> None:
    assert in_snomed_ct(("SRT", "G-C0E3")) == ("SCT", "363698007")  # Finding Site
    assert in_snomed_ct(("SRT", "no such code")) == ("SRT", "no such code")
    for concept in [("SRT", "G-C0E3"), ("SCT", "363698007")]:
        assert content_action(concept, "TEXT", BASIC) is Action.REPLACE
        assert content_action(concept, "TEXT", RESEARCH) is Action.CLEAN
        assert content_action(concept, "CODE", RESEARCH) is Action.KEEP


def test_a_device_is_named_as_far_as_its_attributes_are(make_report: MakeReport, subject: Subject) -> None:
    serial = item("TEXT", ("DCM", "121016"), "SN-A1")
    whole = compile_policy("devices", frozenset({"clean_structured_content", "retain_device_identity"}), {})
    assert _value(_only(deidentify(make_report(serial), subject, whole))) == "SN-A1"
    assert _value(_only(deidentify(make_report(serial), subject, RESEARCH))) != "SN-A1"


def test_measurements_codes_and_coordinates_stay(make_report: MakeReport, subject: Subject) -> None:
    region = item("SCOORD", ("DCM", "111030"), None, item("IMAGE", ("DCM", "121324"), "1.2.3.4.1"))
    region.GraphicType, region.GraphicData = "POLYLINE", [1.5, 2.5, 3.5, 4.5]
    group = item(
        "CONTAINER",
        GROUP,
        None,
        item("UIDREF", ("DCM", "112040"), "1.2.3.4.77"),
        item("CODE", FINDING, ("SCT", "27925004")),
        item("NUM", MEASUREMENT, ("12.25", "mm")),
        region,
    )
    clean = deidentify(make_report(group), subject, RESEARCH)
    tracking, finding, diameter, kept_region = _only(clean).ContentSequence
    assert tracking.UID.startswith("2.25.")
    assert finding.ConceptCodeSequence[0].CodeValue == "27925004"
    assert diameter.MeasuredValueSequence[0].NumericValue == 12.25
    assert diameter.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == "mm"
    assert kept_region.GraphicData == [1.5, 2.5, 3.5, 4.5]
    (image,) = kept_region.ContentSequence
    assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == clean.SOPInstanceUID


@pytest.mark.parametrize("language", [("RFC5646", "en-US"), ("RFC5646", "fr"), ("ISO639_2", "eng")])
def test_the_language_and_every_unit_stay(
    make_report: MakeReport, subject: Subject, language: tuple[str, str]
) -> None:
    units = ["mm", "msec", "mGy.cm", "g/ml{SUVbw}", "[hnsf'U]", "1"]
    report = make_report(
        item("CODE", ("DCM", "121049"), language), *(item("NUM", MEASUREMENT, ("1", unit)) for unit in units)
    )
    first, *measured = deidentify(report, subject, RESEARCH).ContentSequence
    assert first.ConceptCodeSequence[0].CodeValue == language[1]
    assert units == [
        node.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue for node in measured
    ]


@pytest.mark.parametrize("fast", [True, False], ids=["tokens", "elements"])
def test_content_items_of_an_image_are_treated_as_a_reports_are(
    make_dataset: MakeDataset, subject: Subject, fast: bool
) -> None:
    age = Dataset()
    age.ValueType, age.NumericValue = "NUM", "97"
    age.ConceptNameCodeSequence = Sequence([code("DCM", "121033")])
    age.MeasurementUnitsCodeSequence = Sequence([code("UCUM", "a")])
    step, specimen = Dataset(), Dataset()
    step.SpecimenPreparationStepContentItemSequence = Sequence(
        [
            item("TEXT", ("DCM", "121041"), "S19-1"),  # Specimen Identifier: no word that tells, but a number
            item("CODE", ("DCM", "111701"), ("SCT", "127790008")),
            item("DATETIME", ("DCM", "111702"), "20240229101500"),
        ]
    )
    specimen.SpecimenPreparationSequence = Sequence([step])
    dataset = make_dataset(
        SpecimenDescriptionSequence=Sequence([specimen]),
        AcquisitionContextSequence=Sequence([age, item("PNAME", ("DCM", "121008"), CANARY)]),
    )
    with Deidentifier(RESEARCH, lambda _: subject, fast=fast).content(encode(dataset)) as written:
        clean = dcmread(BytesIO(written.head + written.body + written.tail))
    staining, when = (
        clean.SpecimenDescriptionSequence[0]
        .SpecimenPreparationSequence[0]
        .SpecimenPreparationStepContentItemSequence
    )
    assert staining.ConceptCodeSequence[0].CodeValue == "127790008"
    assert when.DateTime == "20231121101500"
    kept_age, observer = clean.AcquisitionContextSequence
    assert (kept_age.NumericValue, observer.PersonName) == (90, "REMOVED")


def test_an_item_that_holds_its_number_itself_goes_with_it(
    make_dataset: MakeDataset, subject: Subject
) -> None:
    item = Dataset()
    item.ValueType, item.NumericValue = "NUM", "778899"  # the patient's own
    item.ConceptNameCodeSequence = Sequence([code(*MEASUREMENT)])
    item.MeasurementUnitsCodeSequence = Sequence([code("UCUM", "mm")])
    clean = deidentify(make_dataset(AcquisitionContextSequence=Sequence([item])), subject, RESEARCH)
    assert len(clean.AcquisitionContextSequence) == 0


def test_a_removed_item_takes_what_is_below_it(make_report: MakeReport, subject: Subject) -> None:
    note = item("TEXT", ("DCM", "121022"), "ACC 1", item("NUM", MEASUREMENT, ("1", "mm")))
    assert not deidentify(make_report(note), subject, RESEARCH).ContentSequence


def test_measurements_below_a_text_of_which_nothing_may_stay_keep_their_place(
    make_report: MakeReport, subject: Subject
) -> None:
    note = item("TEXT", ("DCM", "121106"), "Anne Roy", item("NUM", MEASUREMENT, ("1", "mm")))
    kept = _only(deidentify(make_report(note), subject, RESEARCH))
    assert (_value(kept), len(kept.ContentSequence)) == ("REMOVED", 1)


def test_the_ages_of_the_very_old_are_one_group(make_report: MakeReport, subject: Subject) -> None:
    ages = [item("NUM", ("DCM", "121033"), (age, "a")) for age in ("64", "97")]
    kept = deidentify(make_report(*ages), subject, RESEARCH).ContentSequence
    assert [age.MeasuredValueSequence[0].NumericValue for age in kept] == [64, 90]
    assert not deidentify(make_report(*ages), subject, STRUCTURED_ALONE).ContentSequence


def test_a_measurement_without_its_number_has_no_unit_either(
    make_report: MakeReport, subject: Subject
) -> None:
    made = item("NUM", MEASUREMENT, ("778899", "mm"))  # the patient's own number
    kept = _only(deidentify(make_report(made), subject, RESEARCH))
    assert len(kept.MeasuredValueSequence) == 0


@pytest.mark.parametrize(
    "made",
    [
        item("CODE", FINDING, ("99ACME", CANARY)),
        item("CODE", ("99ACME", CANARY), ("SCT", "27925004")),
        item("TABLE", FINDING),
        item(CANARY, FINDING),
    ],
    ids=["code", "concept", "table", "unknown value type"],
)
def test_an_item_that_says_nothing_the_standard_knows_goes(
    make_report: MakeReport, subject: Subject, made: Dataset
) -> None:
    clean = deidentify(make_report(made), subject, RESEARCH)
    assert not clean.ContentSequence
    assert CANARY.encode() not in encode(clean)


def test_a_damaged_item_goes_alone(make_report: MakeReport, subject: Subject) -> None:
    damaged = item("CODE", FINDING, ("SCT", "27925004"))
    damaged.ConceptNameCodeSequence[0]._dict[0x00080100] = RawDataElement(
        Tag(0x00080100), "UL", 3, b"abc", 0, False, True
    )
    report = make_report(
        item("NUM", MEASUREMENT, ("1", "mm")), damaged, item("NUM", MEASUREMENT, ("2", "mm"))
    )
    kept = deidentify(report, subject, RESEARCH).ContentSequence
    assert [node.MeasuredValueSequence[0].NumericValue for node in kept] == [1, 2]


def test_values_hidden_in_an_item_of_another_type_go(make_report: MakeReport, subject: Subject) -> None:
    made = item(
        "NUM", MEASUREMENT, ("1", "mm"), TextValue=CANARY, PersonName=CANARY, Date="20240229", UID="1.2.3.4.9"
    )
    made.private_block(0x0011, CANARY, create=True).add_new(1, "LO", CANARY)
    clean = deidentify(make_report(made), subject, RESEARCH)
    assert not {"TextValue", "PersonName", "Date"} & set(_only(clean).dir())
    written = encode(clean)
    assert CANARY.encode() not in written
    assert b"20240229" not in written
    assert b"1.2.3.4.9" not in written


def test_who_observed_verified_and_took_part_goes(make_report: MakeReport, subject: Subject) -> None:
    person = Dataset()
    person.VerifyingObserverName = person.PersonName = CANARY
    person.VerifyingOrganization = person.InstitutionName = CANARY
    person.VerificationDateTime = "20240229101500"
    report = make_report(
        item("NUM", MEASUREMENT, ("1", "mm")),
        VerifyingObserverSequence=Sequence([person]),
        AuthorObserverSequence=Sequence([person]),
        ParticipantSequence=Sequence([person]),
        CustodialOrganizationSequence=Sequence([person]),
        CompletionFlagDescription=CANARY,
    )
    written = encode(deidentify(report, subject, RESEARCH))
    assert CANARY.encode() not in written
    assert b"20240229" not in written


def test_a_policy_that_cleans_no_reports_empties_the_tree(make_report: MakeReport, subject: Subject) -> None:
    clean = deidentify(make_report(item("NUM", MEASUREMENT, ("1", "mm"))), subject, BASIC)
    assert not clean.ContentSequence


def test_a_radiation_dose_report_keeps_its_events(make_report: MakeReport, subject: Subject) -> None:
    event = item(
        "CONTAINER",
        ("DCM", "113819"),
        None,
        item("UIDREF", ("DCM", "113769"), "1.2.3.4.50"),
        item("DATETIME", ("DCM", "111526"), "20240229101500"),
        item("NUM", ("DCM", "113830"), ("7.5", "mGy")),
        item("TEXT", ("DCM", "113605"), CANARY),
        item("TEXT", ("DCM", "113832"), CANARY),
    )
    report = make_report(
        event,
        item("TEXT", ("DCM", "113880"), "4711"),
        item("PNAME", ("DCM", "113870"), CANARY),
        SOPClassUID=XRayRadiationDoseSRStorage,
    )
    clean = deidentify(report, subject, RESEARCH)
    uid, started, dose = _only_kind(clean, "113819").ContentSequence[:3]
    assert uid.UID.startswith("2.25.")
    assert started.DateTime == "20231121101500"
    assert dose.MeasuredValueSequence[0].NumericValue == 7.5
    written = encode(clean)
    assert CANARY.encode() not in written
    assert b"4711" not in written


def _only_kind(report: Dataset, value: str) -> Dataset:
    (found,) = (child for child in below(report) if child.ConceptNameCodeSequence[0].CodeValue == value)
    return found


def test_references_by_position_follow_the_items_they_are_to(
    make_report: MakeReport, subject: Subject
) -> None:
    report = make_report(
        item("TEXT", ("DCM", "121022"), "ACC 1"),
        item("NUM", MEASUREMENT, ("1", "mm")),
        item("CODE", FINDING, ("SCT", "27925004"), by_reference(1, 2), by_reference(1, 1), by_reference(1)),
        item("CODE", FINDING, ("SCT", "27925004"), by_reference(1, 3, 2)),
    )
    measured, first, second = deidentify(report, subject, RESEARCH).ContentSequence
    assert measured.ValueType == "NUM"
    targets = [child.ReferencedContentItemIdentifier for child in first.ContentSequence]
    assert targets == [[1, 1], 1]
    assert "ContentSequence" not in second  # a reference to a reference


KINDS = st.sampled_from(["kept", "removed", "cleaned"])


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> Dataset:
    kind, number = draw(KINDS), draw(st.integers(1, 10_000))
    children = draw(st.lists(trees(depth=depth - 1), max_size=3)) if depth else []
    if draw(st.booleans()):
        children.append(by_reference(1, *draw(st.lists(st.integers(1, 4), max_size=3))))
    if kind == "removed":
        return item("TEXT", ("DCM", "121022"), CANARY, *children)
    if kind == "cleaned":
        return item("TEXT", ("DCM", "121106"), f"{CANARY} lung {CANARY}", *children)
    return item("NUM", MEASUREMENT, (str(number), "mm"), *children)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(trees(), min_size=1, max_size=4))
def test_every_reference_left_is_to_the_item_it_was_to(
    make_report: MakeReport, subject: Subject, items: list[Dataset]
) -> None:
    report = make_report(*items)
    # Each item is told apart by a mark that the rules leave as it is.
    for number, node in enumerate(below(report), start=1):
        node.ReferencedFrameNumber = number
    for node in below(report):
        target = node.get("ReferencedContentItemIdentifier")
        if target is not None:
            node.ReferencedSegmentNumber = _mark(report, target)
    clean = deidentify(report, subject, RESEARCH)
    for node in below(clean):
        target = node.get("ReferencedContentItemIdentifier")
        if target is not None:
            assert _mark(clean, target) == node.ReferencedSegmentNumber
    assert CANARY.encode() not in encode(clean)


def _mark(root: Dataset, target: int | list[int]) -> int:
    """The mark of the item at a position: 0 for the root, 65535 where there is none."""
    try:
        found = at(root, [target] if isinstance(target, int) else list(target))
    except (AttributeError, IndexError):
        return 65535
    return int(found.get("ReferencedFrameNumber") or 0)


def test_equal_reports_give_equal_bytes(make_report: MakeReport, subject: Subject) -> None:
    report = make_report(item("TEXT", FINDING, "nodule of Anne Roy"), item("NUM", MEASUREMENT, ("1", "mm")))
    once = deidentify(report, subject, RESEARCH)
    assert encode(once) == encode(deidentify(report, subject, RESEARCH))
