"""Who the lake is about."""

from __future__ import annotations

import pyarrow as pa

from federim.lake.declaration import Kind, OnRepeat, Table, between, matching
from federim.lake.declared.columns import INT, SMALL, TEXT, person_id, value

PERSON = Table(
    name="person",
    grain="one row a patient",
    description="Who: the little of a patient that research may know",
    key=("person_id",),
    sort=("person_id",),
    on_repeat=OnRepeat.FILL,
    columns=(
        person_id(),
        value(
            "year_of_birth",
            SMALL,
            "Year of birth; ages of 90 and over are one group, given as the year 90 years before the import",
            kind=Kind.QUASI,
            unit="a",
            check=between(1850, 2150),
        ),
        value(
            "gender_concept_id",
            INT,
            "OMOP concept: 8507 male, 8532 female, 0 unknown or other",
            kind=Kind.QUASI,
            code_system="OMOP",
            check=between(0, 10_000),
        ),
        value("site", TEXT, "Site that holds the record", kind=Kind.QUASI, required=True),
        value(
            "linked",
            pa.bool_(),
            "Pseudonym made from a qualified INS, so linkable inside a project",
            kind=Kind.OPERATION,
        ),
        value(
            "identity_doubts",
            TEXT,
            "What the INS contradicts in the record, which keeps it from linking: birth, sex, or both",
            kind=Kind.OPERATION,
            check=matching("birth|sex|birth sex", "birth, sex or both"),
            added_later=True,
        ),
    ),
)
