"""The house's own bookkeeping: what ran, and what was refused."""

from __future__ import annotations

from federim.lake.declaration import Column, Kind, Table
from federim.lake.declared.columns import INSTANT, INT, PSEUDONYM, TEXT

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
