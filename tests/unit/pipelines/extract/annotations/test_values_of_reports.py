"""Each number of a report is a row, with all that the report says of what was measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from annotation_objects import SERIES, coded, node, report
from pydicom import Dataset

Rows = list[dict[str, Any]]

DIAMETER = ("SCT", "81827009")
GROUP = ("DCM", "125007")
FINDING = ("DCM", "121071")
SITE = ("SCT", "363698007")
LATERALITY = ("SCT", "272741003")
LEFT, RIGHT = ("SCT", "7771000"), ("SCT", "24028007")
NODULE, LUNG = ("SCT", "27925004"), ("SCT", "39607008")
TRACKING_IDENTIFIER, TRACKING_UID = ("DCM", "112039"), ("DCM", "112040")
SOURCE = ("DCM", "121324")
MEASUREMENTS = ("DCM", "126010")


def group(*children: Dataset) -> Dataset:
    return node("CONTAINER", MEASUREMENTS, None, node("CONTAINER", GROUP, None, *children))


def diameter(number: float = 12.25, *children: Dataset, **told: Any) -> Dataset:
    return node("NUM", DIAMETER, (number, "mm"), *children, **told)


def test_a_number_knows_its_group(rows: Callable[..., Rows], uid: Callable[[str], str]) -> None:
    side = node("CODE", LATERALITY, LEFT, relationship="HAS CONCEPT MOD")
    (row,) = rows(
        report(
            group(
                node("TEXT", TRACKING_IDENTIFIER, "lesion 1", relationship="HAS OBS CONTEXT"),
                node("UIDREF", TRACKING_UID, "1.2.3.77", relationship="HAS OBS CONTEXT"),
                node("CODE", FINDING, NODULE),
                node("CODE", SITE, LUNG, side, relationship="HAS CONCEPT MOD"),
                diameter(),
                node("IMAGE", SOURCE, f"{SERIES}.2"),
            )
        )
    )
    assert (row["value_as_number"], row["unit_source_value"]) == (12.25, "mm")
    assert row["feature_source_value"] == DIAMETER[1]
    assert row["feature_source_system"] == "http://snomed.info/sct"
    assert row["finding_source_value"] == NODULE[1]
    assert row["finding_site_source_value"] == LUNG[1]
    assert row["laterality_source_value"] == LEFT[1]
    assert row["TrackingIdentifier"] == "lesion 1"
    assert row["TrackingUID"] == uid("1.2.3.77")
    assert row["source_SOPInstanceUID"] == uid(f"{SERIES}.2")
    assert row["SeriesInstanceUID"] == uid(SERIES)


def test_what_is_said_of_a_number_itself_stands_before_what_is_said_of_its_group(
    rows: Callable[..., Rows], uid: Callable[[str], str]
) -> None:
    own = diameter(
        3.5,
        node("CODE", ("DCM", "121401"), ("SCT", "56851009"), relationship="HAS CONCEPT MOD"),
        node("CODE", LATERALITY, RIGHT, relationship="HAS CONCEPT MOD"),
        node("IMAGE", SOURCE, f"{SERIES}.4", relationship="INFERRED FROM"),
    )
    group_side = node("CODE", LATERALITY, LEFT, relationship="HAS CONCEPT MOD")
    first, second = rows(report(group(group_side, own, diameter(), node("IMAGE", SOURCE, f"{SERIES}.1"))))
    assert (first["derivation_source_value"], second["derivation_source_value"]) == ("56851009", None)
    assert (first["laterality_source_value"], second["laterality_source_value"]) == (RIGHT[1], LEFT[1])
    assert first["source_SOPInstanceUID"] == uid(f"{SERIES}.4")
    assert second["source_SOPInstanceUID"] == uid(f"{SERIES}.1")
    assert first["image_finding_id"] == second["image_finding_id"]
    assert first["image_feature_id"] != second["image_feature_id"]


def test_what_was_measured_is_what_its_group_tracks(
    rows: Callable[..., Rows], uid: Callable[[str], str]
) -> None:
    """A number may have a tracking UID of its own; the lesion's is the one that joins reports."""
    own = diameter(1, node("UIDREF", TRACKING_UID, "1.2.3.78", relationship="HAS OBS CONTEXT"))
    (row,) = rows(report(group(node("UIDREF", TRACKING_UID, "1.2.3.77"), own)))
    assert row["TrackingUID"] == uid("1.2.3.77")


def test_groups_do_not_hear_of_one_another(rows: Callable[..., Rows]) -> None:
    first, second = rows(report(group(node("CODE", FINDING, NODULE), diameter(1)), group(diameter(2))))
    assert (first["finding_source_value"], second["finding_source_value"]) == (NODULE[1], None)
    assert first["image_finding_id"] != second["image_finding_id"]


@pytest.mark.parametrize("by_reference", [False, True])
def test_coordinates_are_of_the_image_they_were_drawn_on(
    rows: Callable[..., Rows], uid: Callable[[str], str], by_reference: bool
) -> None:
    image = node("IMAGE", None, f"{SERIES}.3", relationship="SELECTED FROM")
    line = node("SCOORD", ("DCM", "121055"), None, image, GraphicType="POLYLINE", GraphicData=[1.0, 1, 5, 5])
    if not by_reference:
        line.RelationshipType = "INFERRED FROM"
        (row,) = rows(report(group(diameter(2, line))))
    else:
        there = Dataset()
        there.RelationshipType, there.ReferencedContentItemIdentifier = "INFERRED FROM", [1, 1, 1, 1]
        (row,) = rows(report(group(line, diameter(2, there))))
    assert row["source_SOPInstanceUID"] == uid(f"{SERIES}.3")


def test_of_several_images_only_their_series_is_told(
    rows: Callable[..., Rows], uid: Callable[[str], str]
) -> None:
    images = [node("IMAGE", SOURCE, f"{SERIES}.{number}") for number in (1, 2)]
    (row,) = rows(report(group(diameter(), *images)))
    assert (row["source_SOPInstanceUID"], row["SeriesInstanceUID"]) == (None, uid(SERIES))


def test_a_segment_is_no_image_but_tells_its_series(
    rows: Callable[..., Rows], uid: Callable[[str], str]
) -> None:
    segment = node("IMAGE", ("DCM", "121191"), "1.2.3.66")
    segment.ReferencedSOPSequence[0].ReferencedSegmentNumber = 1
    series = node("UIDREF", ("DCM", "121232"), SERIES)
    (row,) = rows(report(group(diameter(), segment, series)))
    assert (row["source_SOPInstanceUID"], row["SeriesInstanceUID"]) == (None, uid(SERIES))


def test_codes_that_evaluate_a_finding_are_values(rows: Callable[..., Rows]) -> None:
    evaluated = node("CODE", ("DCM", "121403"), ("SCT", "371928007"))
    category = node("CODE", ("SCT", "276214006"), ("SCT", "49755003"))
    (row,) = rows(report(group(category, node("CODE", FINDING, NODULE), evaluated)))
    assert (row["feature_source_value"], row["value_source_code"]) == ("121403", "371928007")
    assert (row["value_as_number"], row["finding_source_value"]) == (None, NODULE[1])


def test_a_code_outside_a_group_is_no_value(rows: Callable[..., Rows]) -> None:
    assert rows(report(node("CODE", ("DCM", "121058"), ("SCT", "363679005")))) == []


def test_a_number_that_is_missing_says_why(rows: Callable[..., Rows]) -> None:
    missing = node("NUM", DIAMETER, NumericValueQualifierCodeSequence=coded("DCM", "114006"))
    (row,) = rows(report(group(missing)))
    assert (row["value_as_number"], row["value_source_code"]) == (None, "114006")


def test_a_double_says_more_than_its_decimals(rows: Callable[..., Rows]) -> None:
    exact = diameter(0.33)
    exact.MeasuredValueSequence[0].FloatingPointValue = 1 / 3
    (row,) = rows(report(group(exact)))
    assert row["value_as_number"] == 1 / 3


def test_a_makers_own_concept_has_no_system(rows: Callable[..., Rows]) -> None:
    (row,) = rows(report(group(node("NUM", ("99ACME", "A-76"), (3, "mm")))))
    assert (row["feature_source_value"], row["feature_source_system"]) == ("A-76", None)


def test_a_uid_of_the_standard_tracks_nothing(rows: Callable[..., Rows]) -> None:
    """It is not keyed, and would join all patients."""
    (row,) = rows(report(group(node("UIDREF", TRACKING_UID, "1.2.840.10008.1.4.1.1"), diameter())))
    assert row["TrackingUID"] is None


def test_a_tracking_name_keeps_no_patients(rows: Callable[..., Rows]) -> None:
    (row,) = rows(report(group(node("TEXT", TRACKING_IDENTIFIER, "nodule of Quéffelec"), diameter())))
    assert "ffelec" not in (row["TrackingIdentifier"] or "").lower()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_real_reports_by_hand(rows: Callable[..., Rows], shared_data: Path) -> None:
    files = shared_data / "highdicom/data/test_files"
    one = rows(files / "sr_document.dcm")
    several = rows(files / "sr_document_with_multiple_groups.dcm")
    told = [
        (
            row["feature_source_value"],
            row["value_as_number"],
            row["unit_source_value"],
            row["value_source_code"],
        )
        for row in (*one, *several)
    ]
    assert told == [
        ("131184002", 1.7, "cm2", None),  # area, in SNOMED's present form of G-A16A
        ("X6K6", pytest.approx(-119.0738525390625), "[hnsf'U]", None),  # IBSI: mean intensity
        ("51845000", None, None, "243911007"),
        ("81827009", 10.0, "mm", None),
        ("121403", None, None, "371928007"),  # not significant
        ("81827009", 20.0, "mm", None),
        ("118565006", 200.0, "mm3", None),
    ]
    assert [row["finding_source_value"] for row in several][2:] == [
        *("27925004", "27925004"),  # nodule
        *("15825003", "51282000"),  # aorta, vertebra
    ]
