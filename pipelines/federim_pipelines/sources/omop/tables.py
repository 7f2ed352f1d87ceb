"""The tables of the OMOP Common Data Model 5.4, and what becomes of each."""

from __future__ import annotations

from pathlib import PurePosixPath

from federim_pipelines.items import Item

PERSON, VISIT = "person", "visit_occurrence"
CONCEPT = "concept"

# What the lake has a table for.
TAKEN = frozenset(
    {PERSON, VISIT, "condition_occurrence", "procedure_occurrence", "measurement", "observation"}
    | {"drug_exposure"}
)
# They say what codes mean: concept is looked into while the others are read; none holds a patient's row.
VOCABULARY = frozenset(
    {CONCEPT, "concept_ancestor", "concept_class", "concept_relationship", "concept_synonym", "domain"}
    | {"drug_strength", "relationship", "source_to_concept_map", "vocabulary"}
)
# Counted, row by row, as what the lake has no table for.
LEFT = frozenset(
    {"care_site", "cdm_source", "cohort", "cohort_definition", "condition_era", "cost", "death"}
    | {"device_exposure", "dose_era", "drug_era", "episode", "episode_event", "fact_relationship"}
    | {"location", "metadata", "note", "note_nlp", "observation_period", "payer_plan_period", "provider"}
    | {"specimen", "visit_detail"}
)
SUFFIXES = (".csv", ".tsv", ".parquet")


def table_of(item: Item) -> str | None:
    """The table a file bears the name of, in lower case; None if it is none of the model."""
    name = PurePosixPath(item.file_name.lower())
    known = TAKEN | VOCABULARY | LEFT
    return name.stem if name.suffix in SUFFIXES and name.stem in known else None


def is_parquet(item: Item) -> bool:
    """Whether a file is Parquet, by its name; else it is CSV."""
    return item.file_name.lower().endswith(".parquet")
