"""The columns that tables have in common, and short words for declaring one."""

from __future__ import annotations

import pyarrow as pa

from federim.lake.declaration import Check, Column, Kind, matching

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


def person_id() -> Column:
    return Column(
        name="person_id",
        type=TEXT,
        kind=Kind.PERSON,
        required=True,
        check=PSEUDONYM,
        description="Pseudonym of the person, made at the site; another at every site and in every project",
    )


def uid(name: str, description: str, *, required: bool = True) -> Column:
    return Column(
        name=name,
        type=TEXT,
        kind=Kind.UID,
        required=required,
        check=UID,
        description=description,
        added_later=not required,
    )


def key(name: str, description: str, *, required: bool = True) -> Column:
    return Column(
        name=name,
        type=TEXT,
        kind=Kind.UID,
        required=required,
        check=PSEUDONYM,
        description=description,
        added_later=not required,
    )


def told_in() -> tuple[Column, ...]:
    """What a clinical fact was told in: the document and the stay, where the source says."""
    return (
        key("report_id", "Keyed identifier of the report that says so", required=False),
        key("visit_occurrence_id", "Keyed identifier of the stay or consultation", required=False),
    )


def date(name: str, description: str, *, required: bool = False) -> Column:
    return Column(
        name=name,
        type=DAY,
        kind=Kind.DATE,
        required=required,
        description=f"{description}, moved by the person's own number of whole days",
    )


def time(name: str, description: str) -> Column:
    return Column(
        name=name,
        type=INSTANT,
        kind=Kind.DATE,
        description=f"{description}, its day moved by the person's own number of whole days",
    )


def value(
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


def coded(noun: str, concept: str, source_system: str) -> tuple[Column, ...]:
    """The OMOP trio of a coded fact: concept, source code and source code system."""
    return (
        value(
            f"{concept}_concept_id",
            INT,
            f"OMOP standard concept of the {noun}; 0 where the site holds no vocabulary",
            code_system="OMOP",
        ),
        value(
            f"{concept}_source_value",
            TEXT,
            f"Code of the {noun} as the source gave it",
            code_system=source_system,
            required=True,
        ),
        value(f"{concept}_source_system", TEXT, f"Code system URI of the {noun} as the source gave it"),
    )
