"""What was measured, found, done, given and reported: OMOP CDM 5.4, and reports beside it."""

from __future__ import annotations

from federim.lake.declaration import Kind, Table, matching
from federim.lake.declared.columns import (
    INT,
    LOINC,
    REAL,
    SNOMED,
    TEXT,
    coded,
    date,
    key,
    person_id,
    time,
    told_in,
    uid,
    value,
)

MEASUREMENT = Table(
    name="measurement",
    grain="one row a measured value",
    description="Biology and vital signs (OMOP measurement)",
    key=("measurement_id",),
    sort=("measurement_source_value", "person_id", "measurement_date"),
    columns=(
        person_id(),
        key("measurement_id", "Keyed identifier of the result"),
        *coded("measurement", "measurement", LOINC),
        date("measurement_date", "Date of the specimen or reading"),
        time("measurement_datetime", "Instant of the specimen or reading"),
        value("value_as_number", REAL, "Numeric result, in `unit`"),
        value("value_source_code", TEXT, "Coded result, where the result is a code"),
        value(
            "operator",
            TEXT,
            "<, <=, >=, > where the device's range was left",
            check=matching("<=?|>=?", "<, <=, >= or >"),
        ),
        value(
            "unit",
            TEXT,
            "Unit of the number and its limits: the code's canonical one, else the source's own in UCUM",
            code_system="UCUM",
            added_later=True,
        ),
        value("range_low", REAL, "Lower limit of normal, in `unit`"),
        value("range_high", REAL, "Upper limit of normal, in `unit`"),
        value("value_source_number", REAL, "The number as the source gave it", added_later=True),
        value("unit_source_value", TEXT, "Unit as the source gave it", code_system="UCUM"),
        value(
            "specimen_source_value", TEXT, "Code of the specimen", code_system="SNOMED CT", added_later=True
        ),
        *told_in(),
    ),
)


CONDITION_OCCURRENCE = Table(
    name="condition_occurrence",
    grain="one row a diagnosis",
    description="Diagnoses (OMOP condition_occurrence)",
    key=("condition_occurrence_id",),
    sort=("condition_source_value", "person_id"),
    columns=(
        person_id(),
        key("condition_occurrence_id", "Keyed identifier of the diagnosis"),
        *coded("diagnosis", "condition", "CIM-10, SNOMED CT"),
        date("condition_start_date", "Start of the condition"),
        date("condition_end_date", "End of the condition"),
        *told_in(),
    ),
)


PROCEDURE_OCCURRENCE = Table(
    name="procedure_occurrence",
    grain="one row an act",
    description="Acts done on or for a person (OMOP procedure_occurrence)",
    key=("procedure_occurrence_id",),
    sort=("procedure_source_value", "person_id"),
    columns=(
        person_id(),
        key("procedure_occurrence_id", "Keyed identifier of the act"),
        *coded("act", "procedure", "CCAM, SNOMED CT"),
        date("procedure_date", "Date of the act"),
        value(
            "body_site_source_value",
            TEXT,
            "Code of the place on the body",
            code_system=SNOMED,
            added_later=True,
        ),
        value("laterality_source_value", TEXT, "Code of which side", code_system=SNOMED, added_later=True),
        uid("StudyInstanceUID", "Keyed UID of the study an imaging act made", required=False),
        *told_in(),
    ),
)


OBSERVATION = Table(
    name="observation",
    grain="one row a fact that is neither measured nor a diagnosis",
    description="Smoking status, consent, outcome … (OMOP observation)",
    key=("observation_id",),
    sort=("observation_source_value", "person_id"),
    columns=(
        person_id(),
        key("observation_id", "Keyed identifier of the fact"),
        *coded("fact", "observation", "LOINC, SNOMED CT"),
        date("observation_date", "Date of the fact"),
        value("value_as_number", REAL, "Numeric value"),
        value("value_source_code", TEXT, "Coded value"),
        *told_in(),
    ),
)


DRUG_EXPOSURE = Table(
    name="drug_exposure",
    grain="one row a drug given, or taken as the record states",
    description="Drugs, contrast media among them (OMOP drug_exposure)",
    key=("drug_exposure_id",),
    sort=("drug_source_value", "person_id"),
    columns=(
        person_id(),
        key("drug_exposure_id", "Keyed identifier of the exposure"),
        *coded("drug", "drug", "ATC, CIS, UCD, SNOMED CT, RxNorm"),
        date("drug_exposure_start_date", "First day"),
        date("drug_exposure_end_date", "Last day"),
        value("quantity", REAL, "Dose given, in `dose_unit_source_value`"),
        value("dose_unit_source_value", TEXT, "Unit of the dose", code_system="UCUM"),
        value("route_source_value", TEXT, "Code of the route", code_system="SNOMED CT, EDQM"),
        *told_in(),
    ),
)


VISIT_OCCURRENCE = Table(
    name="visit_occurrence",
    grain="one row a stay or consultation",
    description="Stays, consultations, emergencies (OMOP visit_occurrence)",
    key=("visit_occurrence_id",),
    sort=("visit_source_value", "person_id"),
    columns=(
        person_id(),
        key("visit_occurrence_id", "Keyed identifier of the stay"),
        *coded("stay", "visit", "HL7 v3 ActCode, HL7 v2 table 0004"),
        date("visit_start_date", "Arrival"),
        time("visit_start_datetime", "Arrival"),
        date("visit_end_date", "Departure"),
        time("visit_end_datetime", "Departure"),
    ),
)


REPORT = Table(
    name="report",
    grain="one row a report, in its last version",
    description="That a document exists and what kind it is; never its words",
    key=("report_id",),
    sort=("person_id", "report_id"),
    columns=(
        person_id(),
        key("report_id", "Keyed identifier of the document, the same in all its versions"),
        *coded("kind of document", "report", LOINC),
        date("report_date", "Date of the document"),
        time("report_datetime", "Instant of the document"),
        value("version", INT, "Version number the source gives", kind=Kind.OPERATION),
    ),
)


REPORT_STUDY = Table(
    name="report_study",
    grain="one row a report and an examination it speaks of",
    description="Joins a report to its images: by the study's UID, else by the accession number",
    key=("report_study_id",),
    sort=("person_id", "report_study_id"),
    columns=(
        person_id(),
        key("report_study_id", "Keyed identifier of the pair"),
        key("report_id", "Keyed identifier of the document"),
        uid("StudyInstanceUID", "Keyed UID of the study, as in table study", required=False),
        key("accession_key", "Keyed accession number, as in table study", required=False),
    ),
)
