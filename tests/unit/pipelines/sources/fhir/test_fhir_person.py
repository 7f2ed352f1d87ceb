"""FHIR patients become persons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from federim.model.identifiers import SiteName, Subject
from federim_pipelines.sources.fhir.person import person_of

MakeResource = Callable[..., dict[str, Any]]
SITE = SiteName("alpha")


@pytest.mark.parametrize(
    ("gender", "concept"),
    [("male", 8507), ("female", 8532), ("other", 0), ("unknown", 0), (None, None)],
)
def test_gender_is_an_omop_concept(
    make_patient: MakeResource, someone: Subject, gender: str | None, concept: int | None
) -> None:
    told = make_patient()
    told.pop("gender")
    if gender:
        told["gender"] = gender
    _, row = person_of(told, someone, SITE, 2026)
    assert row["gender_concept_id"] == concept


@pytest.mark.parametrize(
    ("born", "year"), [("1961-04-09", 1961), ("1936", 1936), ("1935-01-01", 1936), ("1899", 1936)]
)
def test_the_oldest_are_one_group(make_patient: MakeResource, someone: Subject, born: str, year: int) -> None:
    _, row = person_of(make_patient(birthDate=born), someone, SITE, 2026)
    assert row["year_of_birth"] == year
