"""What a cohort is: criteria on persons, their series and their records, combined with and, or, not."""

from __future__ import annotations

from federim.model.cohort.comparison import Code, Comparison, Condition, Op, Scalar, Which, Window
from federim.model.cohort.definition import NAME, CohortDefinition, Index
from federim.model.cohort.kinds import (
    NO_UNIT,
    AllOf,
    AnyOf,
    ConditionCriterion,
    Criterion,
    DrugCriterion,
    Event,
    FeatureCriterion,
    MeasurementCriterion,
    Not,
    PersonCriterion,
    ProcedureCriterion,
    SegmentCriterion,
    SeriesCriterion,
    events,
    leaves,
)

__all__ = [
    "NAME",
    "NO_UNIT",
    "AllOf",
    "AnyOf",
    "Code",
    "CohortDefinition",
    "Comparison",
    "Condition",
    "ConditionCriterion",
    "Criterion",
    "DrugCriterion",
    "Event",
    "FeatureCriterion",
    "Index",
    "MeasurementCriterion",
    "Not",
    "Op",
    "PersonCriterion",
    "ProcedureCriterion",
    "Scalar",
    "SegmentCriterion",
    "SeriesCriterion",
    "Which",
    "Window",
    "events",
    "leaves",
]
