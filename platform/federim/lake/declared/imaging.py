"""Studies, series, instances and where their bytes lie."""

from __future__ import annotations

import pyarrow as pa

from federim.lake.declaration import Kind, OnRepeat, Table, between, matching
from federim.lake.declared.columns import (
    DIGEST,
    INT,
    REAL,
    SMALL,
    TEXT,
    date,
    key,
    person_id,
    uid,
    value,
)

STUDY = Table(
    name="study",
    grain="one row a DICOM study",
    description="One examination",
    key=("StudyInstanceUID",),
    sort=("person_id", "StudyInstanceUID"),
    on_repeat=OnRepeat.FILL,
    columns=(
        person_id(),
        uid("StudyInstanceUID", "Keyed UID of the study"),
        date("StudyDate", "Date of the study"),
        value("StudyTime", TEXT, "Time of day the study started, HHMMSS"),
        value(
            "PatientAge",
            SMALL,
            "Age at the study, from birth date and study date; 90 stands for 90 and over",
            kind=Kind.QUASI,
            unit="a",
            check=between(0, 90),
        ),
        key(
            "accession_key", "Keyed accession number, which the reports of the study bear too", required=False
        ),
    ),
)


IMAGE_OCCURRENCE = Table(
    name="image_occurrence",
    grain="one row a DICOM series",
    description="One series: the main grain of imaging queries (OMOP MI-CDM image_occurrence)",
    key=("SeriesInstanceUID",),
    sort=("person_id", "StudyInstanceUID", "SeriesInstanceUID"),
    on_repeat=OnRepeat.FILL,
    adds=("NumberOfInstances", "SizeBytes"),
    tops=("RecognizableVisualFeatures", "contrast_declared"),  # one instance with a face makes it YES
    columns=(
        person_id(),
        uid("StudyInstanceUID", "Keyed UID of the study"),
        uid("SeriesInstanceUID", "Keyed UID of the series"),
        uid("FrameOfReferenceUID", "Keyed UID of the frame of reference", required=False),
        value("Modality", TEXT, "Kind of equipment: CT, MR, US …", code_system="DICOM CID 29", required=True),
        value(
            "SOPClassUID",
            TEXT,
            "What kind of object its instances are",
            code_system="DICOM PS3.4",
            required=True,
        ),
        date("SeriesDate", "Date of the series, or of the study where the series has none"),
        value(
            "BodyPartExamined", TEXT, "Body part as the device coded it", code_system="DICOM PS3.16 Annex L"
        ),
        value("Laterality", TEXT, "R or L for paired body parts"),
        value(
            "PatientPosition", TEXT, "How the patient lay: HFS, FFS …", code_system="DICOM PS3.3 C.7.3.1.1.2"
        ),
        value("Manufacturer", TEXT, "Maker of the device"),
        value("ManufacturerModelName", TEXT, "Model of the device"),
        value("ConvolutionKernel", TEXT, "CT reconstruction kernel, the maker's word"),
        value("SliceThickness", REAL, "Nominal slice thickness", unit="mm"),
        value("SpacingBetweenSlices", REAL, "Distance between adjacent slices", unit="mm"),
        value("PixelSpacingRow", REAL, "Distance between rows", unit="mm"),
        value("PixelSpacingColumn", REAL, "Distance between columns", unit="mm"),
        value("Rows", SMALL, "Pixel rows", unit="{pixel}"),
        value("Columns", SMALL, "Pixel columns", unit="{pixel}"),
        value("KVP", REAL, "Peak tube voltage", unit="kV"),
        value("MagneticFieldStrength", REAL, "Field strength", unit="T"),
        value("RepetitionTime", REAL, "MR repetition time", unit="ms"),
        value("EchoTime", REAL, "MR echo time", unit="ms"),
        value("FlipAngle", REAL, "MR flip angle", unit="deg"),
        value("BurnedInAnnotation", TEXT, "Whether the maker says the pixels carry text: YES or NO"),
        value(
            "RecognizableVisualFeatures",
            TEXT,
            "Whether a face can be made of the pixels: YES, or NO once that is excluded or the site defaced "
            "them; null where nobody looked. YES, and null of CT and MR, are held from leaving",
            check=matching("YES|NO", "YES or NO"),
            added_later=True,
        ),
        value(
            "contrast_declared",
            pa.bool_(),
            "Whether an image of the series says that a contrast agent was given (DICOM PS3.3 C.7.6.4): true "
            "where one is named, coded or said to be administered, false where it is said that there was "
            "none, null where nothing is told. Which agent is not kept",
            added_later=True,
        ),
        value(
            "NumberOfInstances", INT, "Instances of the series in the lake", unit="{instance}", required=True
        ),
        value("SizeBytes", INT, "Bytes of those instances", unit="By", required=True, kind=Kind.OPERATION),
    ),
)


INSTANCE = Table(
    name="instance",
    grain="one row a DICOM instance",
    description="One image or other object of a series",
    key=("SOPInstanceUID",),
    sort=("person_id", "SeriesInstanceUID", "InstanceNumber"),
    columns=(
        person_id(),
        uid("StudyInstanceUID", "Keyed UID of the study"),
        uid("SeriesInstanceUID", "Keyed UID of the series"),
        uid("SOPInstanceUID", "Keyed UID of the instance"),
        value("SOPClassUID", TEXT, "What kind of object it is", code_system="DICOM PS3.4", required=True),
        value("InstanceNumber", SMALL, "Number of the instance in its series"),
        value(
            "NumberOfFrames",
            SMALL,
            "Frames in the instance; 1 where the attribute is absent, null without pixels",
            unit="{frame}",
        ),
        value("ImagePositionX", REAL, "Centre of the first voxel, towards the patient's left", unit="mm"),
        value("ImagePositionY", REAL, "Centre of the first voxel, towards the patient's back", unit="mm"),
        value("ImagePositionZ", REAL, "Centre of the first voxel, towards the patient's head", unit="mm"),
        *(
            value(
                f"ImageOrientation{line}{axis}",
                REAL,
                f"Cosine between a {line.lower()}'s direction and the patient's {axis} axis",
                added_later=True,
            )
            for line in ("Row", "Column")
            for axis in "XYZ"
        ),
        value("PixelSpacingRow", REAL, "Distance between rows", unit="mm", added_later=True),
        value("PixelSpacingColumn", REAL, "Distance between columns", unit="mm", added_later=True),
        value("Rows", SMALL, "Pixel rows", unit="{pixel}", added_later=True),
        value("Columns", SMALL, "Pixel columns", unit="{pixel}", added_later=True),
        value("TransferSyntaxUID", TEXT, "How its bytes are coded", code_system="DICOM PS3.5", required=True),
    ),
)


INSTANCE_FILE = Table(
    name="instance_file",
    grain="one row a DICOM instance",
    description="Where the de-identified bytes of an instance lie",
    key=("SOPInstanceUID",),
    sort=("person_id", "SeriesInstanceUID"),
    columns=(
        person_id(),
        uid("SeriesInstanceUID", "Keyed UID of the series"),
        uid("SOPInstanceUID", "Keyed UID of the instance"),
        value(
            "sha256",
            TEXT,
            "Hash of the file, which is also its name",
            check=DIGEST,
            required=True,
            kind=Kind.UID,
        ),
        value("path", TEXT, "Where it lies under the home's objects", required=True, kind=Kind.OPERATION),
        value("size", INT, "Length of the file", unit="By", required=True, kind=Kind.OPERATION),
    ),
)


VOLUME_GEOMETRY = Table(
    name="volume_geometry",
    grain="one row a series of slices",
    description="Whether the slices of a series make one regular volume, and which",
    key=("SeriesInstanceUID",),
    sort=("person_id", "SeriesInstanceUID"),
    columns=(
        person_id(),
        uid("SeriesInstanceUID", "Keyed UID of the series"),
        value(
            "regular",
            pa.bool_(),
            "One volume: parallel slices of one size, evenly spaced, none missing, none twice",
            required=True,
        ),
        value(
            "slices", SMALL, "Number of slices, frames of one object included", unit="{slice}", required=True
        ),
        value("spacing_mm", REAL, "Median distance between neighbouring slices", unit="mm"),
        value("single_orientation", pa.bool_(), "All slices are parallel", added_later=True),
        value(
            "orthogonal",
            pa.bool_(),
            "Slices are stacked along their own normal, not sheared",
            added_later=True,
        ),
        value(
            "single_size", pa.bool_(), "All slices have the same rows, columns and spacing", added_later=True
        ),
        value(
            "duplicate_positions",
            SMALL,
            "Slices at a place where another one is",
            unit="{slice}",
            added_later=True,
        ),
        value(
            "missing_slices",
            SMALL,
            "Slices that the gaps between the others leave room for",
            unit="{slice}",
            added_later=True,
        ),
        *(
            value(
                f"affine_{row}{column}",
                REAL,
                f"Row {row}, column {column} of the affine from voxel (column, row, slice) to patient "
                "coordinates (x to the left, y to the back, z to the head); null where not regular",
                unit="mm",
                added_later=True,
            )
            for row in range(3)
            for column in range(4)
        ),
    ),
)
