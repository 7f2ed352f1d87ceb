"""Every table and column of the lake, declared once.

The Arrow schema, the check on write, the data dictionary, the disclosure report and the portal's
column picker are all made from what is written here.
"""

from __future__ import annotations

import pyarrow as pa

from federim.lake.declaration import Check, Column, Kind, OnRepeat, Table, between, matching
from federim.model.errors import UnknownName

BUCKETS = 16


TEXT = pa.string()
INT = pa.int64()
SMALL = pa.int32()
REAL = pa.float64()
DAY = pa.date32()
INSTANT = pa.timestamp("us")

PSEUDONYM = matching("[0-9a-f]{32}", "32 hexadecimal digits")
DIGEST = matching("[0-9a-f]{64}", "64 hexadecimal digits")
UID = matching(r"2\.25\.[1-9][0-9]{0,38}", "a keyed UID, 2.25.…")
LOINC = "LOINC"
SNOMED = "SNOMED CT"


def _person_id() -> Column:
    return Column(
        name="person_id",
        type=TEXT,
        kind=Kind.PERSON,
        required=True,
        check=PSEUDONYM,
        description="Pseudonym of the person, made at the site; another at every site and in every project",
    )


def _uid(name: str, description: str, *, required: bool = True) -> Column:
    return Column(
        name=name,
        type=TEXT,
        kind=Kind.UID,
        required=required,
        check=UID,
        description=description,
        added_later=not required,
    )


def _key(name: str, description: str, *, required: bool = True) -> Column:
    return Column(
        name=name,
        type=TEXT,
        kind=Kind.UID,
        required=required,
        check=PSEUDONYM,
        description=description,
        added_later=not required,
    )


def _told_in() -> tuple[Column, ...]:
    """What a clinical fact was told in: the document and the stay, where the source says."""
    return (
        _key("report_id", "Keyed identifier of the report that says so", required=False),
        _key("visit_occurrence_id", "Keyed identifier of the stay or consultation", required=False),
    )


def _date(name: str, description: str, *, required: bool = False) -> Column:
    return Column(
        name=name,
        type=DAY,
        kind=Kind.DATE,
        required=required,
        description=f"{description}, moved by the person's own number of whole days",
    )


def _time(name: str, description: str) -> Column:
    return Column(
        name=name,
        type=INSTANT,
        kind=Kind.DATE,
        description=f"{description}, its day moved by the person's own number of whole days",
    )


def _value(
    name: str,
    type_: pa.DataType,
    description: str,
    *,
    unit: str = "",
    code_system: str = "",
    check: Check | None = None,
    required: bool = False,
    kind: Kind = Kind.VALUE,
    added_later: bool = False,
) -> Column:
    return Column(
        name=name,
        type=type_,
        description=description,
        kind=kind,
        unit=unit,
        code_system=code_system,
        check=check,
        required=required,
        added_later=added_later,
    )


def _coded(noun: str, concept: str, source_system: str) -> tuple[Column, ...]:
    """The OMOP trio of a coded fact: concept, source code and source code system."""
    return (
        _value(
            f"{concept}_concept_id",
            INT,
            f"OMOP standard concept of the {noun}; 0 where the site holds no vocabulary",
            code_system="OMOP",
        ),
        _value(
            f"{concept}_source_value",
            TEXT,
            f"Code of the {noun} as the source gave it",
            code_system=source_system,
            required=True,
        ),
        _value(f"{concept}_source_system", TEXT, f"Code system URI of the {noun} as the source gave it"),
    )


PERSON = Table(
    name="person",
    grain="one row a patient",
    description="Who: the little of a patient that research may know",
    key=("person_id",),
    sort=("person_id",),
    on_repeat=OnRepeat.FILL,
    columns=(
        _person_id(),
        _value(
            "year_of_birth",
            SMALL,
            "Year of birth; ages of 90 and over are one group, given as the year 90 years before the import",
            kind=Kind.QUASI,
            unit="a",
            check=between(1850, 2150),
        ),
        _value(
            "gender_concept_id",
            INT,
            "OMOP concept: 8507 male, 8532 female, 0 unknown or other",
            kind=Kind.QUASI,
            code_system="OMOP",
            check=between(0, 10_000),
        ),
        _value("site", TEXT, "Site that holds the record", kind=Kind.QUASI, required=True),
        _value(
            "linked",
            pa.bool_(),
            "Pseudonym made from a qualified INS, so linkable inside a project",
            kind=Kind.OPERATION,
        ),
        _value(
            "identity_doubts",
            TEXT,
            "What the INS contradicts in the record, which keeps it from linking: birth, sex, or both",
            kind=Kind.OPERATION,
            check=matching("birth|sex|birth sex", "birth, sex or both"),
            added_later=True,
        ),
    ),
)

STUDY = Table(
    name="study",
    grain="one row a DICOM study",
    description="One examination",
    key=("StudyInstanceUID",),
    sort=("person_id", "StudyInstanceUID"),
    on_repeat=OnRepeat.FILL,
    columns=(
        _person_id(),
        _uid("StudyInstanceUID", "Keyed UID of the study"),
        _date("StudyDate", "Date of the study"),
        _value("StudyTime", TEXT, "Time of day the study started, HHMMSS"),
        _value(
            "PatientAge",
            SMALL,
            "Age at the study, from birth date and study date; 90 stands for 90 and over",
            kind=Kind.QUASI,
            unit="a",
            check=between(0, 90),
        ),
        _key(
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
    tops=("RecognizableVisualFeatures",),  # one instance with a face makes it YES
    columns=(
        _person_id(),
        _uid("StudyInstanceUID", "Keyed UID of the study"),
        _uid("SeriesInstanceUID", "Keyed UID of the series"),
        _uid("FrameOfReferenceUID", "Keyed UID of the frame of reference", required=False),
        _value(
            "Modality", TEXT, "Kind of equipment: CT, MR, US …", code_system="DICOM CID 29", required=True
        ),
        _value(
            "SOPClassUID",
            TEXT,
            "What kind of object its instances are",
            code_system="DICOM PS3.4",
            required=True,
        ),
        _date("SeriesDate", "Date of the series, or of the study where the series has none"),
        _value(
            "BodyPartExamined", TEXT, "Body part as the device coded it", code_system="DICOM PS3.16 Annex L"
        ),
        _value("Laterality", TEXT, "R or L for paired body parts"),
        _value(
            "PatientPosition", TEXT, "How the patient lay: HFS, FFS …", code_system="DICOM PS3.3 C.7.3.1.1.2"
        ),
        _value("Manufacturer", TEXT, "Maker of the device"),
        _value("ManufacturerModelName", TEXT, "Model of the device"),
        _value("ConvolutionKernel", TEXT, "CT reconstruction kernel, the maker's word"),
        _value("SliceThickness", REAL, "Nominal slice thickness", unit="mm"),
        _value("SpacingBetweenSlices", REAL, "Distance between adjacent slices", unit="mm"),
        _value("PixelSpacingRow", REAL, "Distance between rows", unit="mm"),
        _value("PixelSpacingColumn", REAL, "Distance between columns", unit="mm"),
        _value("Rows", SMALL, "Pixel rows", unit="{pixel}"),
        _value("Columns", SMALL, "Pixel columns", unit="{pixel}"),
        _value("KVP", REAL, "Peak tube voltage", unit="kV"),
        _value("MagneticFieldStrength", REAL, "Field strength", unit="T"),
        _value("RepetitionTime", REAL, "MR repetition time", unit="ms"),
        _value("EchoTime", REAL, "MR echo time", unit="ms"),
        _value("FlipAngle", REAL, "MR flip angle", unit="deg"),
        _value("BurnedInAnnotation", TEXT, "Whether the maker says the pixels carry text: YES or NO"),
        _value(
            "RecognizableVisualFeatures",
            TEXT,
            "Whether a face can be made of the pixels: YES, or NO once that is excluded or the site defaced "
            "them; null where nobody looked. YES, and null of CT and MR, are held from leaving",
            check=matching("YES|NO", "YES or NO"),
            added_later=True,
        ),
        _value(
            "NumberOfInstances", INT, "Instances of the series in the lake", unit="{instance}", required=True
        ),
        _value("SizeBytes", INT, "Bytes of those instances", unit="By", required=True, kind=Kind.OPERATION),
    ),
)

INSTANCE = Table(
    name="instance",
    grain="one row a DICOM instance",
    description="One image or other object of a series",
    key=("SOPInstanceUID",),
    sort=("person_id", "SeriesInstanceUID", "InstanceNumber"),
    columns=(
        _person_id(),
        _uid("StudyInstanceUID", "Keyed UID of the study"),
        _uid("SeriesInstanceUID", "Keyed UID of the series"),
        _uid("SOPInstanceUID", "Keyed UID of the instance"),
        _value("SOPClassUID", TEXT, "What kind of object it is", code_system="DICOM PS3.4", required=True),
        _value("InstanceNumber", SMALL, "Number of the instance in its series"),
        _value(
            "NumberOfFrames",
            SMALL,
            "Frames in the instance; 1 where the attribute is absent, null without pixels",
            unit="{frame}",
        ),
        _value("ImagePositionX", REAL, "Centre of the first voxel, towards the patient's left", unit="mm"),
        _value("ImagePositionY", REAL, "Centre of the first voxel, towards the patient's back", unit="mm"),
        _value("ImagePositionZ", REAL, "Centre of the first voxel, towards the patient's head", unit="mm"),
        *(
            _value(
                f"ImageOrientation{line}{axis}",
                REAL,
                f"Cosine between a {line.lower()}'s direction and the patient's {axis} axis",
                added_later=True,
            )
            for line in ("Row", "Column")
            for axis in "XYZ"
        ),
        _value("PixelSpacingRow", REAL, "Distance between rows", unit="mm", added_later=True),
        _value("PixelSpacingColumn", REAL, "Distance between columns", unit="mm", added_later=True),
        _value("Rows", SMALL, "Pixel rows", unit="{pixel}", added_later=True),
        _value("Columns", SMALL, "Pixel columns", unit="{pixel}", added_later=True),
        _value(
            "TransferSyntaxUID", TEXT, "How its bytes are coded", code_system="DICOM PS3.5", required=True
        ),
    ),
)

INSTANCE_FILE = Table(
    name="instance_file",
    grain="one row a DICOM instance",
    description="Where the de-identified bytes of an instance lie",
    key=("SOPInstanceUID",),
    sort=("person_id", "SeriesInstanceUID"),
    columns=(
        _person_id(),
        _uid("SeriesInstanceUID", "Keyed UID of the series"),
        _uid("SOPInstanceUID", "Keyed UID of the instance"),
        _value(
            "sha256",
            TEXT,
            "Hash of the file, which is also its name",
            check=DIGEST,
            required=True,
            kind=Kind.UID,
        ),
        _value("path", TEXT, "Where it lies under the home's objects", required=True, kind=Kind.OPERATION),
        _value("size", INT, "Length of the file", unit="By", required=True, kind=Kind.OPERATION),
    ),
)

VOLUME_GEOMETRY = Table(
    name="volume_geometry",
    grain="one row a series of slices",
    description="Whether the slices of a series make one regular volume, and which",
    key=("SeriesInstanceUID",),
    sort=("person_id", "SeriesInstanceUID"),
    columns=(
        _person_id(),
        _uid("SeriesInstanceUID", "Keyed UID of the series"),
        _value(
            "regular",
            pa.bool_(),
            "One volume: parallel slices of one size, evenly spaced, none missing, none twice",
            required=True,
        ),
        _value(
            "slices", SMALL, "Number of slices, frames of one object included", unit="{slice}", required=True
        ),
        _value("spacing_mm", REAL, "Median distance between neighbouring slices", unit="mm"),
        _value("single_orientation", pa.bool_(), "All slices are parallel", added_later=True),
        _value(
            "orthogonal",
            pa.bool_(),
            "Slices are stacked along their own normal, not sheared",
            added_later=True,
        ),
        _value(
            "single_size", pa.bool_(), "All slices have the same rows, columns and spacing", added_later=True
        ),
        _value(
            "duplicate_positions",
            SMALL,
            "Slices at a place where another one is",
            unit="{slice}",
            added_later=True,
        ),
        _value(
            "missing_slices",
            SMALL,
            "Slices that the gaps between the others leave room for",
            unit="{slice}",
            added_later=True,
        ),
        *(
            _value(
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

MEASUREMENT = Table(
    name="measurement",
    grain="one row a measured value",
    description="Biology and vital signs (OMOP measurement)",
    key=("measurement_id",),
    sort=("measurement_source_value", "person_id", "measurement_date"),
    columns=(
        _person_id(),
        _key("measurement_id", "Keyed identifier of the result"),
        *_coded("measurement", "measurement", LOINC),
        _date("measurement_date", "Date of the specimen or reading"),
        _time("measurement_datetime", "Instant of the specimen or reading"),
        _value("value_as_number", REAL, "Numeric result, in `unit`"),
        _value("value_source_code", TEXT, "Coded result, where the result is a code"),
        _value(
            "operator",
            TEXT,
            "<, <=, >=, > where the device's range was left",
            check=matching("<=?|>=?", "<, <=, >= or >"),
        ),
        _value(
            "unit",
            TEXT,
            "Unit of the number and its limits: the code's canonical one, else the source's own in UCUM",
            code_system="UCUM",
            added_later=True,
        ),
        _value("range_low", REAL, "Lower limit of normal, in `unit`"),
        _value("range_high", REAL, "Upper limit of normal, in `unit`"),
        _value("value_source_number", REAL, "The number as the source gave it", added_later=True),
        _value("unit_source_value", TEXT, "Unit as the source gave it", code_system="UCUM"),
        _value(
            "specimen_source_value", TEXT, "Code of the specimen", code_system="SNOMED CT", added_later=True
        ),
        *_told_in(),
    ),
)

CONDITION_OCCURRENCE = Table(
    name="condition_occurrence",
    grain="one row a diagnosis",
    description="Diagnoses (OMOP condition_occurrence)",
    key=("condition_occurrence_id",),
    sort=("condition_source_value", "person_id"),
    columns=(
        _person_id(),
        _key("condition_occurrence_id", "Keyed identifier of the diagnosis"),
        *_coded("diagnosis", "condition", "CIM-10, SNOMED CT"),
        _date("condition_start_date", "Start of the condition"),
        _date("condition_end_date", "End of the condition"),
        *_told_in(),
    ),
)

PROCEDURE_OCCURRENCE = Table(
    name="procedure_occurrence",
    grain="one row an act",
    description="Acts done on or for a person (OMOP procedure_occurrence)",
    key=("procedure_occurrence_id",),
    sort=("procedure_source_value", "person_id"),
    columns=(
        _person_id(),
        _key("procedure_occurrence_id", "Keyed identifier of the act"),
        *_coded("act", "procedure", "CCAM, SNOMED CT"),
        _date("procedure_date", "Date of the act"),
        _value(
            "body_site_source_value",
            TEXT,
            "Code of the place on the body",
            code_system=SNOMED,
            added_later=True,
        ),
        _uid("StudyInstanceUID", "Keyed UID of the study an imaging act made", required=False),
        *_told_in(),
    ),
)

OBSERVATION = Table(
    name="observation",
    grain="one row a fact that is neither measured nor a diagnosis",
    description="Smoking status, consent, outcome … (OMOP observation)",
    key=("observation_id",),
    sort=("observation_source_value", "person_id"),
    columns=(
        _person_id(),
        _key("observation_id", "Keyed identifier of the fact"),
        *_coded("fact", "observation", "LOINC, SNOMED CT"),
        _date("observation_date", "Date of the fact"),
        _value("value_as_number", REAL, "Numeric value"),
        _value("value_source_code", TEXT, "Coded value"),
        *_told_in(),
    ),
)

DRUG_EXPOSURE = Table(
    name="drug_exposure",
    grain="one row a drug given, or taken as the record states",
    description="Drugs, contrast media among them (OMOP drug_exposure)",
    key=("drug_exposure_id",),
    sort=("drug_source_value", "person_id"),
    columns=(
        _person_id(),
        _key("drug_exposure_id", "Keyed identifier of the exposure"),
        *_coded("drug", "drug", "ATC, CIS, UCD, SNOMED CT, RxNorm"),
        _date("drug_exposure_start_date", "First day"),
        _date("drug_exposure_end_date", "Last day"),
        _value("quantity", REAL, "Dose given, in `dose_unit_source_value`"),
        _value("dose_unit_source_value", TEXT, "Unit of the dose", code_system="UCUM"),
        _value("route_source_value", TEXT, "Code of the route", code_system="SNOMED CT, EDQM"),
        *_told_in(),
    ),
)

VISIT_OCCURRENCE = Table(
    name="visit_occurrence",
    grain="one row a stay or consultation",
    description="Stays, consultations, emergencies (OMOP visit_occurrence)",
    key=("visit_occurrence_id",),
    sort=("visit_source_value", "person_id"),
    columns=(
        _person_id(),
        _key("visit_occurrence_id", "Keyed identifier of the stay"),
        *_coded("stay", "visit", "HL7 v3 ActCode, HL7 v2 table 0004"),
        _date("visit_start_date", "Arrival"),
        _time("visit_start_datetime", "Arrival"),
        _date("visit_end_date", "Departure"),
        _time("visit_end_datetime", "Departure"),
    ),
)

REPORT = Table(
    name="report",
    grain="one row a report, in its last version",
    description="That a document exists and what kind it is; never its words",
    key=("report_id",),
    sort=("person_id", "report_id"),
    columns=(
        _person_id(),
        _key("report_id", "Keyed identifier of the document, the same in all its versions"),
        *_coded("kind of document", "report", LOINC),
        _date("report_date", "Date of the document"),
        _time("report_datetime", "Instant of the document"),
        _value("version", INT, "Version number the source gives", kind=Kind.OPERATION),
    ),
)

REPORT_STUDY = Table(
    name="report_study",
    grain="one row a report and an examination it speaks of",
    description="Joins a report to its images: by the study's UID, else by the accession number",
    key=("report_study_id",),
    sort=("person_id", "report_study_id"),
    columns=(
        _person_id(),
        _key("report_study_id", "Keyed identifier of the pair"),
        _key("report_id", "Keyed identifier of the document"),
        _uid("StudyInstanceUID", "Keyed UID of the study, as in table study", required=False),
        _key("accession_key", "Keyed accession number, as in table study", required=False),
    ),
)

SEGMENT = Table(
    name="segment",
    grain="one row a segment of a segmentation, or a region of a structure set",
    description="What a SEG or RTSTRUCT object outlines",
    key=("SOPInstanceUID", "SegmentNumber"),
    sort=("person_id", "SOPInstanceUID"),
    columns=(
        _person_id(),
        _uid("SOPInstanceUID", "Keyed UID of the segmentation"),
        _value("SegmentNumber", SMALL, "SegmentNumber, or ROINumber of a structure set", required=True),
        _value("SegmentLabel", TEXT, "Label or name, as far as the text policy let it", added_later=True),
        _value("category_code", TEXT, "Segmented property category", code_system=SNOMED),
        _value("type_code", TEXT, "Segmented property type", code_system=SNOMED),
        _value("anatomic_region_code", TEXT, "Where on the body", code_system=SNOMED, added_later=True),
        _value("laterality_code", TEXT, "Which side", code_system=SNOMED, added_later=True),
        _value(
            "SegmentAlgorithmType",
            TEXT,
            "AUTOMATIC, SEMIAUTOMATIC or MANUAL; ROIGenerationAlgorithm of a structure set",
            added_later=True,
        ),
        _value(
            "voxel_count",
            INT,
            "Voxels inside; of a fractional segmentation those at half the maximum or more",
            unit="{voxel}",
            added_later=True,
        ),
        _value(
            "volume_mm3",
            REAL,
            "Volume, from the geometry of its frames or contours",
            unit="mm3",
            added_later=True,
        ),
        _uid("TrackingUID", "Keyed UID of what is tracked from one study to the next", required=False),
        _uid("source_SeriesInstanceUID", "Keyed UID of the series it was drawn on", required=False),
    ),
)

IMAGE_FEATURE = Table(
    name="image_feature",
    grain="one row a value measured on an image",
    description="Values of structured reports, dose reports and parametric maps (OMOP MI-CDM image_feature)",
    key=("image_feature_id",),
    sort=("feature_source_value", "person_id"),
    columns=(
        _person_id(),
        _key("image_feature_id", "Keyed identifier of the value"),
        _uid("StudyInstanceUID", "Keyed UID of the study", required=False),
        _uid("SeriesInstanceUID", "Keyed UID of the series it was measured on", required=False),
        _uid("SOPInstanceUID", "Keyed UID of the object that tells it", required=False),
        _uid("source_SOPInstanceUID", "Keyed UID of the image it was measured on", required=False),
        *_coded("feature", "feature", "DCM, SNOMED CT, IBSI"),
        _value("value_as_number", REAL, "Numeric value, in `unit_source_value`"),
        _value("value_source_code", TEXT, "Coded value, where it is a code", added_later=True),
        _value("unit_source_value", TEXT, "Unit", code_system="UCUM"),
        _value("finding_source_value", TEXT, "Code of what was found", code_system=SNOMED, added_later=True),
        _value("finding_site_source_value", TEXT, "Code of where", code_system=SNOMED, added_later=True),
        _value("laterality_source_value", TEXT, "Code of which side", code_system=SNOMED, added_later=True),
        _value(
            "TrackingIdentifier",
            TEXT,
            "Name of what is tracked, as far as the text policy let it",
            added_later=True,
        ),
        _uid("TrackingUID", "Keyed UID of what is tracked from one study to the next", required=False),
    ),
)

QUARANTINE = Table(
    name="quarantine",
    grain="one row a refused item",
    description="What was refused and why; it holds no value and no path",
    key=("quarantine_id",),
    sort=("run_id", "quarantine_id"),
    person=False,
    columns=(
        Column(
            name="quarantine_id",
            type=TEXT,
            kind=Kind.OPERATION,
            required=True,
            check=PSEUDONYM,
            description="Keyed hash of the item's place, content and reason",
        ),
        Column(
            name="run_id",
            type=TEXT,
            kind=Kind.OPERATION,
            required=True,
            description="Run that refused it first",
        ),
        Column(
            name="source",
            type=TEXT,
            kind=Kind.OPERATION,
            required=True,
            description="Kind of source: folder, fhir, csv …",
        ),
        Column(
            name="item",
            type=TEXT,
            kind=Kind.OPERATION,
            required=True,
            check=PSEUDONYM,
            description="Keyed hash of the file's path; federim quarantine locate finds the file again",
        ),
        Column(
            name="position",
            type=INT,
            kind=Kind.OPERATION,
            description="Row, line or entry in the file, from 1; null for the whole file",
        ),
        Column(
            name="reason",
            type=TEXT,
            kind=Kind.OPERATION,
            required=True,
            description="Why, one word of the quarantine vocabulary",
        ),
        Column(
            name="detail",
            type=TEXT,
            kind=Kind.OPERATION,
            description="Tag, column or count concerned; never a value",
        ),
    ),
)

RUN = Table(
    name="run",
    grain="one row a run of the pipelines",
    description="What ran over what, with which policy and version",
    key=("run_id",),
    sort=("started_at",),
    person=False,
    columns=(
        Column(
            name="run_id",
            type=TEXT,
            kind=Kind.OPERATION,
            required=True,
            description="Time-ordered identifier of the run",
        ),
        Column(name="started_at", type=INSTANT, kind=Kind.OPERATION, required=True, description="Start, UTC"),
        Column(name="finished_at", type=INSTANT, kind=Kind.OPERATION, description="End, UTC"),
        Column(
            name="version", type=TEXT, kind=Kind.OPERATION, required=True, description="Federim's version"
        ),
        Column(
            name="policy",
            type=TEXT,
            kind=Kind.OPERATION,
            required=True,
            description="De-identification policy and its hash",
        ),
        Column(
            name="files_read",
            type=INT,
            kind=Kind.OPERATION,
            required=True,
            unit="{file}",
            description="Files read",
        ),
        Column(
            name="files_accepted",
            type=INT,
            kind=Kind.OPERATION,
            required=True,
            unit="{file}",
            description="Files with at least one new item",
        ),
        Column(
            name="files_duplicate",
            type=INT,
            kind=Kind.OPERATION,
            required=True,
            unit="{file}",
            description="Files with nothing new",
        ),
        Column(
            name="files_quarantined",
            type=INT,
            kind=Kind.OPERATION,
            required=True,
            unit="{file}",
            description="Files refused",
        ),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        PERSON,
        STUDY,
        IMAGE_OCCURRENCE,
        INSTANCE,
        INSTANCE_FILE,
        VOLUME_GEOMETRY,
        MEASUREMENT,
        CONDITION_OCCURRENCE,
        PROCEDURE_OCCURRENCE,
        OBSERVATION,
        DRUG_EXPOSURE,
        VISIT_OCCURRENCE,
        REPORT,
        REPORT_STUDY,
        IMAGE_FEATURE,
        SEGMENT,
        QUARANTINE,
        RUN,
    )
}


def table(name: str) -> Table:
    """The table called `name`; raise `UnknownName` with the nearest one."""
    try:
        return TABLES[name]
    except KeyError:
        raise UnknownName("table", name, TABLES) from None
