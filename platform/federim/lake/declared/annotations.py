"""What was outlined and measured on images."""

from __future__ import annotations

from federim.lake.declaration import Table
from federim.lake.declared.columns import (
    INT,
    REAL,
    SMALL,
    SNOMED,
    TEXT,
    coded,
    key,
    person_id,
    uid,
    value,
)

SEGMENT = Table(
    name="segment",
    grain="one row a segment of a segmentation, or a region of a structure set",
    description="What a SEG or RTSTRUCT object outlines",
    key=("SOPInstanceUID", "SegmentNumber"),
    sort=("person_id", "SOPInstanceUID"),
    columns=(
        person_id(),
        uid("SOPInstanceUID", "Keyed UID of the segmentation"),
        value("SegmentNumber", SMALL, "SegmentNumber, or ROINumber of a structure set", required=True),
        value("SegmentLabel", TEXT, "Label or name, as far as the text policy let it", added_later=True),
        value("category_code", TEXT, "Segmented property category", code_system=SNOMED),
        value("type_code", TEXT, "Segmented property type", code_system=SNOMED),
        value("anatomic_region_code", TEXT, "Where on the body", code_system=SNOMED, added_later=True),
        value("laterality_code", TEXT, "Which side", code_system=SNOMED, added_later=True),
        value(
            "SegmentAlgorithmType",
            TEXT,
            "AUTOMATIC, SEMIAUTOMATIC or MANUAL; ROIGenerationAlgorithm of a structure set",
            added_later=True,
        ),
        value(
            "voxel_count",
            INT,
            "Voxels inside; of a fractional segmentation those at half the maximum or more",
            unit="{voxel}",
            added_later=True,
        ),
        value(
            "volume_mm3",
            REAL,
            "Volume, from the geometry of its frames or contours",
            unit="mm3",
            added_later=True,
        ),
        uid("TrackingUID", "Keyed UID of what is tracked from one study to the next", required=False),
        uid("source_SeriesInstanceUID", "Keyed UID of the series it was drawn on", required=False),
    ),
)


IMAGE_FEATURE = Table(
    name="image_feature",
    grain="one row a value measured on an image",
    description="Values of structured reports, dose reports and parametric maps (OMOP MI-CDM image_feature)",
    key=("image_feature_id",),
    sort=("feature_source_value", "person_id"),
    columns=(
        person_id(),
        key("image_feature_id", "Keyed identifier of the value"),
        uid("StudyInstanceUID", "Keyed UID of the study", required=False),
        uid("SeriesInstanceUID", "Keyed UID of the series it was measured on", required=False),
        uid("SOPInstanceUID", "Keyed UID of the object that tells it", required=False),
        uid("source_SOPInstanceUID", "Keyed UID of the image it was measured on", required=False),
        *coded("feature", "feature", "DCM, SNOMED CT, IBSI"),
        value("value_as_number", REAL, "Numeric value, in `unit_source_value`"),
        value("value_source_code", TEXT, "Coded value, where it is a code", added_later=True),
        value("unit_source_value", TEXT, "Unit", code_system="UCUM"),
        value(
            "derivation_source_value",
            TEXT,
            "Code of how the number was made of many: mean, maximum, standard deviation …",
            code_system=SNOMED,
            added_later=True,
        ),
        key("image_finding_id", "Keyed identifier of what several values describe together", required=False),
        value("finding_source_value", TEXT, "Code of what was found", code_system=SNOMED, added_later=True),
        value("finding_site_source_value", TEXT, "Code of where", code_system=SNOMED, added_later=True),
        value("laterality_source_value", TEXT, "Code of which side", code_system=SNOMED, added_later=True),
        value(
            "TrackingIdentifier",
            TEXT,
            "Name of what is tracked, as far as the text policy let it",
            added_later=True,
        ),
        uid("TrackingUID", "Keyed UID of what is tracked from one study to the next", required=False),
    ),
)
