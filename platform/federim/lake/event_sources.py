"""Where the events of criteria lie in the lake: table, code, date, and what orders two of one day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from federim.model.cohort import (
    ConditionCriterion,
    Criterion,
    DrugCriterion,
    FeatureCriterion,
    MeasurementCriterion,
    ProcedureCriterion,
    SegmentCriterion,
    SeriesCriterion,
)


@dataclass(frozen=True, slots=True)
class EventSource:
    """SQL over the event's row `e`, and over what `dated_by` joins where the date lies elsewhere."""

    table: str
    day: str
    order: tuple[str, ...]  # of two events on one day, the lower one is the first
    concept: str = ""  # of NAME_source_value and NAME_source_system
    unit: str = ""
    dated_by: str = ""


SOURCES: Final[dict[type[Criterion], EventSource]] = {
    SeriesCriterion: EventSource(
        table="image_occurrence", day='e."SeriesDate"', order=('e."SeriesInstanceUID"',)
    ),
    MeasurementCriterion: EventSource(
        table="measurement",
        day="e.measurement_date",
        order=("e.measurement_datetime", "e.measurement_id"),
        concept="measurement",
        unit="e.unit",
    ),
    ConditionCriterion: EventSource(
        table="condition_occurrence",
        day="e.condition_start_date",
        order=("e.condition_occurrence_id",),
        concept="condition",
    ),
    ProcedureCriterion: EventSource(
        table="procedure_occurrence",
        day="e.procedure_date",
        order=("e.procedure_occurrence_id",),
        concept="procedure",
    ),
    DrugCriterion: EventSource(
        table="drug_exposure",
        day="e.drug_exposure_start_date",
        order=("e.drug_exposure_id",),
        concept="drug",
    ),
    FeatureCriterion: EventSource(
        table="image_feature",
        day='coalesce(s."SeriesDate", t."StudyDate")',
        order=("e.image_feature_id",),
        concept="feature",
        unit="e.unit_source_value",
        dated_by='\n  LEFT JOIN image_occurrence AS s ON s."SeriesInstanceUID" = e."SeriesInstanceUID"'
        '\n  LEFT JOIN study AS t ON t."StudyInstanceUID" = e."StudyInstanceUID"',
    ),
    SegmentCriterion: EventSource(
        table="segment",
        day='s."SeriesDate"',
        order=('e."SOPInstanceUID"', 'e."SegmentNumber"'),
        dated_by="\n  LEFT JOIN image_occurrence AS s"
        ' ON s."SeriesInstanceUID" = e."source_SeriesInstanceUID"',
    ),
}
