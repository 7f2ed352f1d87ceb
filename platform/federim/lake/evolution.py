"""How tables that an earlier version made become those declared now: numbered steps, each told here.

A step adds columns, or fills added ones from others of the same row. None takes a column or a value away, so
an earlier version goes on reading a table that a later one wrote. A column is never renamed: a better name is
another column that is filled from the first, which snapshots taken before go on showing. Their files stay as
they were pinned, and are null in what was added since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa

from federim.lake.compaction import read_rows
from federim.lake.declaration import Table
from federim.lake.person_rows import Copy, write_rows
from federim.model.errors import LakeError

PROPERTY: Final = "federim.version"
FIRST: Final = 1  # of tables made before they said their version

Fill = Callable[[pa.Table], pa.Array | pa.ChunkedArray]
"""Rows of a table to a column's values; the same rows give the same. It keeps what is not null already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What brings a table to a version from the one before it.

    Attributes
    ----------
    added : names of columns
        Declared as `added_later`: files written before are without them, which reads as null.
    filled : by column
        None is one that the table is sorted by, or a part of its key.
    """

    table: str
    to: int
    added: tuple[str, ...] = ()
    filled: Mapping[str, Fill] = field(default_factory=dict)


_RECORD = ("report_id", "visit_occurrence_id")
_AFFINE = tuple(f"affine_{row}{column}" for row in range(3) for column in range(4))
_DIRECTIONS = tuple(f"ImageOrientation{line}{axis}" for line in ("Row", "Column") for axis in "XYZ")

STEPS: tuple[Step, ...] = (
    Step(table="person", to=2, added=("identity_doubts",)),
    Step(table="study", to=2, added=("accession_key",)),
    Step(table="image_occurrence", to=2, added=("FrameOfReferenceUID", "RecognizableVisualFeatures")),
    Step(
        table="instance",
        to=2,
        added=(*_DIRECTIONS, "PixelSpacingRow", "PixelSpacingColumn", "Rows", "Columns"),
    ),
    Step(
        table="volume_geometry",
        to=2,
        added=(
            "single_orientation",
            "orthogonal",
            "single_size",
            "duplicate_positions",
            "missing_slices",
            *_AFFINE,
        ),
    ),
    Step(
        table="measurement",
        to=2,
        added=("unit", "value_source_number", "specimen_source_value", *_RECORD),
    ),
    Step(table="condition_occurrence", to=2, added=_RECORD),
    Step(
        table="procedure_occurrence",
        to=2,
        added=("body_site_source_value", "laterality_source_value", "StudyInstanceUID", *_RECORD),
    ),
    Step(table="observation", to=2, added=_RECORD),
    Step(table="drug_exposure", to=2, added=_RECORD),
    Step(table="report_study", to=2, added=("StudyInstanceUID", "accession_key")),
    Step(
        table="image_feature",
        to=2,
        added=(
            "StudyInstanceUID",
            "SeriesInstanceUID",
            "SOPInstanceUID",
            "source_SOPInstanceUID",
            "value_source_code",
            "derivation_source_value",
            "image_finding_id",
            "finding_source_value",
            "finding_site_source_value",
            "laterality_source_value",
            "TrackingIdentifier",
            "TrackingUID",
        ),
    ),
    Step(
        table="segment",
        to=2,
        added=(
            "SegmentLabel",
            "anatomic_region_code",
            "laterality_code",
            "SegmentAlgorithmType",
            "voxel_count",
            "volume_mm3",
            "TrackingUID",
            "source_SeriesInstanceUID",
        ),
    ),
)


def version(table: Table) -> int:
    """The version of a table as it is declared now."""
    return max((step.to for step in STEPS if step.table == table.name), default=FIRST)


def due(table: Table, held: int) -> Sequence[Step]:
    """The steps that a table of version `held` has before it, in their order.

    Raises
    ------
    LakeError
        A later Federim wrote it: to write to it may lose what that one keeps there.
    """
    if held > version(table):
        raise LakeError(
            f"table {table.name} is of version {held}, written by a later Federim; this one knows versions "
            f"up to {version(table)} and may only read it; write to this home with the later one"
        )
    ours = (step for step in STEPS if step.table == table.name and step.to > held)
    return sorted(ours, key=lambda step: step.to)


def filled(table: Table, rows: pa.Table, fills: Mapping[str, Fill]) -> pa.Table:
    """Rows with the values that a step gives them."""
    for name, fill in fills.items():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, table.column(name).arrow, fill(rows))
    return rows


def filled_file(table: Table, file: Path, fills: Mapping[str, Fill]) -> Copy | None:
    """A file beside `file` with the same rows in their order, filled."""
    return write_rows(file.parent, filled(table, read_rows(table, [file]), fills))
