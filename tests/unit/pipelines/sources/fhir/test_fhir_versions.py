"""Of two versions of a resource the later stands, and a withdrawn one goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import LAST, Item, Reason
from federim_pipelines.sources.fhir import reading
from federim_pipelines.sources.fhir.versions import UNTOLD, version_of
from federim_pipelines.worker import Worker

MakeResource = Callable[..., dict[str, Any]]
WriteFile = Callable[..., Item]

LATER = {"versionId": "2", "lastUpdated": "2024-03-06T10:00:00.000001+01:00"}


@given(st.datetimes(timezones=st.timezones()), st.datetimes(timezones=st.timezones()))
def test_the_one_updated_later_is_the_greater_version(one: Any, two: Any) -> None:
    versions = [version_of({"meta": {"lastUpdated": each.isoformat()}}) for each in (one, two)]
    assert (versions[0] < versions[1]) == (one < two)


@pytest.mark.parametrize(
    ("meta", "version"),
    [
        ({"lastUpdated": "1970-01-01T00:00:01Z", "versionId": "7"}, 1_000_000),
        ({"lastUpdated": "1970-01-01T00:00:00.000002"}, 2),
        ({"versionId": "7"}, 7),
        ({"versionId": "a81f"}, UNTOLD),
        ({"profile": []}, UNTOLD),
        (None, UNTOLD),
    ],
)
def test_a_version_is_an_instant_else_a_number_else_untold(meta: Any, version: int) -> None:
    assert version_of({"meta": meta}) == version


def test_an_instant_that_is_none_is_refused_without_its_value() -> None:
    with pytest.raises(Unusable) as caught:
        version_of({"meta": {"lastUpdated": "Martin"}})
    assert (caught.value.reason, caught.value.detail) == (Reason.DATE_UNUSABLE, "meta.lastUpdated")


@pytest.mark.parametrize(("meta", "version"), [(LATER, 1_709_715_600_000_001), (None, LAST)])
def test_what_was_entered_in_error_is_withdrawn(
    worker: Worker,
    write_file: WriteFile,
    make_patient: MakeResource,
    make_observation: MakeResource,
    meta: Any,
    version: int,
) -> None:
    told = [make_patient(), make_observation(), make_observation(meta=meta, status="entered-in-error")]
    _, result, withdrawn = reading.read(write_file("a.ndjson", told), worker).records
    assert (withdrawn.key, withdrawn.rows, withdrawn.version) == (result.key, (), version)
    assert withdrawn.content != result.content


def test_what_is_no_longer_so_leaves_with_its_new_version(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource
) -> None:
    told = {
        "resourceType": "Condition",
        "id": "c1",
        "meta": LATER,
        "subject": {"reference": "Patient/p1"},
        "verificationStatus": {"coding": [{"code": "refuted"}]},
        "code": {"coding": [{"code": "C34.9"}]},
    }
    _, withdrawn = reading.read(write_file("a.ndjson", [make_patient(), told]), worker).records
    assert (withdrawn.rows, withdrawn.version) == ((), 1_709_715_600_000_001)


def test_a_deletion_withdraws_the_record_of_its_url(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource, make_observation: MakeResource
) -> None:
    _, result = reading.read(write_file("a.ndjson", [make_patient(), make_observation()]), worker).records
    urls = ["Observation/o1", "https://ehr.example/fhir/Observation/o1", "Patient/p1", "Martin/o1", None]
    entries = [{"request": {"method": "DELETE", "url": url}} for url in urls]
    told = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    outcome = reading.read(write_file("deleted.json", told), worker)
    assert [(each.key, each.rows, each.version) for each in outcome.records] == [(result.key, (), LAST)] * 2
    assert outcome.skipped == {"deletion": 3}


def test_the_ids_of_another_issuer_name_other_resources_and_persons(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource, make_observation: MakeResource
) -> None:
    """Many servers count from 1."""
    item = write_file("a.ndjson", [make_patient(), make_observation()])
    here, there = (
        reading.read(item, each).records for each in (worker, replace(worker, issuer="urn:clinic"))
    )
    assert {record.key for record in here}.isdisjoint(record.key for record in there)
    assert {row["person_id"] for record in here for _, row in record.rows}.isdisjoint(
        row["person_id"] for record in there for _, row in record.rows
    )
