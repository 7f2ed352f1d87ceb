"""Reading FHIR files: whole, in spans, broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federim_pipelines.items import Item, Outcome, Reason
from federim_pipelines.sources.fhir import content
from federim_pipelines.sources.fhir import reading as fhir
from federim_pipelines.worker import Worker

MakeResource = Callable[..., dict[str, Any]]
WriteFile = Callable[..., Item]
UUID = "urn:uuid:0ce18c7d-fd78-46d9-81b5-8bed231c337a"


def bundle(*resources: dict[str, Any], urls: dict[int, str] | None = None) -> dict[str, Any]:
    entries = [
        {"fullUrl": (urls or {}).get(place, ""), "resource": resource}
        for place, resource in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def refusals(outcome: Outcome) -> list[tuple[Reason, int | None]]:
    return [(refusal.reason, refusal.position) for refusal in outcome.refusals]


def test_a_bundle_refers_to_its_patient_by_full_url(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource, make_observation: MakeResource
) -> None:
    # The observation comes first: a bundle has no order.
    told = bundle(make_observation(subject={"reference": UUID}), make_patient(), urls={1: UUID})
    outcome = fhir.read(write_file("a.json", told), worker)
    assert not outcome.refusals
    tables = [table for record in outcome.records for table, _ in record.rows]
    assert tables == ["measurement", "person"]
    assert len({row["person_id"] for record in outcome.records for _, row in record.rows}) == 1


def test_the_names_of_one_bundle_mean_nothing_in_another(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource, make_observation: MakeResource
) -> None:
    """Exports exist whose fullUrls are urn:uuid:1, urn:uuid:2 … in every file."""
    found = set()
    for name in ("p1", "p2"):
        told = bundle(
            make_patient(name),
            make_observation(f"of-{name}", subject={"reference": "urn:uuid:1"}),
            urls={0: "urn:uuid:1"},
        )
        outcome = fhir.read(write_file(f"{name}.json", told), worker)
        assert not outcome.refusals
        found |= {row["person_id"] for record in outcome.records for _, row in record.rows}
    assert len(found) == 2


def test_the_same_resource_in_a_bundle_and_in_lines_is_the_same_record(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource, make_observation: MakeResource
) -> None:
    told = [make_patient(), make_observation()]
    one = fhir.read(write_file("a.json", bundle(*told)), worker)
    two = fhir.read(write_file("a.ndjson", told), worker)
    assert [(record.key, record.content) for record in one.records] == [
        (record.key, record.content) for record in two.records
    ]


def test_a_patients_record_does_not_change_with_the_year_of_import(
    open_worker: Callable[..., Worker], write_file: WriteFile, make_patient: MakeResource
) -> None:
    worker = open_worker()
    later = replace(worker, year=worker.year + 1)
    item = write_file("a.json", make_patient(birthDate="1920-01-01"))
    [now], [then] = fhir.read(item, worker).records, fhir.read(item, later).records
    assert now.rows != then.rows
    assert (now.key, now.content) == (then.key, then.content)


def test_a_result_whose_patient_nobody_knows_is_refused(
    worker: Worker, write_file: WriteFile, make_observation: MakeResource
) -> None:
    outcome = fhir.read(write_file("o.ndjson", [make_observation(), make_observation(subject=None)]), worker)
    assert refusals(outcome) == [(Reason.PATIENT_UNKNOWN, 1), (Reason.PATIENT_UNKNOWN, 2)]


def test_a_broken_line_is_refused_alone_with_its_number(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource
) -> None:
    lines = [
        json.dumps(make_patient()),
        "",
        '{"resourceType": "Pat',
        "[1]",
        '"Martin"',
        json.dumps(make_patient("p2")),
    ]
    outcome = fhir.read(write_file("p.ndjson", "\n".join(lines)), worker)
    assert len(outcome.records) == 2
    assert sorted(refusals(outcome), key=lambda each: each[1] or 0) == [
        (Reason.UNREADABLE, 3),
        (Reason.UNREADABLE, 4),
        (Reason.UNREADABLE, 5),
    ]


def test_a_bundle_cut_anywhere_is_refused_whole_as_truncated(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource, make_observation: MakeResource
) -> None:
    flags = {"active": True, "deceasedBoolean": False, "link": None, "multipleBirthInteger": -2}
    whole = json.dumps(bundle(make_patient(**flags), make_observation()), indent=1)
    for length in range(1, len(whole)):
        outcome = fhir.read(write_file("cut.json", whole[:length]), worker)
        assert (outcome.records, refusals(outcome)) == ([], [(Reason.TRUNCATED, None)]), whole[:length][-20:]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"resourceType": Martin, "entry": []}', Reason.UNREADABLE),
        (b'{"resourceType": "Bundle", "x": "\xff\xfe"}', Reason.UNREADABLE),
        ('{"name": "Martin"}', Reason.NOT_SUPPORTED),
        ("[1, 2]", Reason.NOT_SUPPORTED),
        ("[" * 100_000, Reason.UNREADABLE),
    ],
    ids=["not JSON", "not UTF-8", "not FHIR", "a list", "bottomless"],
)
def test_what_is_no_bundle_is_refused_whole(
    worker: Worker, write_file: WriteFile, content: str | bytes, reason: Reason
) -> None:
    outcome = fhir.read(write_file("a.json", content), worker)
    assert (outcome.records, refusals(outcome)) == ([], [(reason, None)])
    assert "Martin" not in str(outcome.refusals)


def test_other_resources_are_counted_by_type_and_a_strange_type_is_not_repeated(
    worker: Worker, write_file: WriteFile, make_observation: MakeResource, make_patient: MakeResource
) -> None:
    claim = {"resourceType": "Claim", "patient": {"reference": "Patient/p1"}}
    void = make_observation("o2", status="registered")
    told = bundle(make_patient(), claim, {"resourceType": "Martin"}, void, {"resourceType": "Location"})
    outcome = fhir.read(write_file("a.json", told), worker)
    assert outcome.skipped == {"Claim": 1, "other": 1, "Observation": 1, "Location": 1}
    assert [table for record in outcome.records for table, _ in record.rows] == ["person"]


def test_spans_cut_lines_nowhere_and_number_them_through(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [json.dumps(make_patient(f"p{number}")) for number in range(1, 40)]
    lines[30] = "{"
    item = write_file("p.ndjson", "\n".join(lines))
    monkeypatch.setattr(content, "SPAN_BYTES", 1000)
    pieces = list(fhir.spans(item))
    assert len(pieces) > 5
    outcomes = [fhir.read(piece, worker) for piece in pieces]
    records = [record for outcome in outcomes for record in outcome.records]
    assert len({record.key for record in records}) == 38
    assert [record.position for record in records] == [number for number in range(1, 40) if number != 31]
    assert [refusals(outcome) for outcome in outcomes if outcome.refusals] == [[(Reason.UNREADABLE, 31)]]


def test_a_bundle_too_large_to_hold_is_streamed_with_the_same_result(
    worker: Worker,
    write_file: WriteFile,
    make_patient: MakeResource,
    make_observation: MakeResource,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = bundle(make_observation(subject={"reference": UUID}), make_patient(), urls={1: UUID})
    item = write_file("a.json", told)
    whole = fhir.read(item, worker)
    monkeypatch.setattr(content, "WHOLE_BYTES", 10)
    assert fhir.read(item, worker) == whole
    cut = fhir.read(write_file("b.json", json.dumps(told)[:-200]), worker)
    assert refusals(cut) == [(Reason.TRUNCATED, None)]


@given(
    noise=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["coding", "code", "system", "value", "reference", "start", "extension", "type", "url"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=6,
    ),
    element=st.sampled_from(
        [
            "code",
            "subject",
            "valueQuantity",
            "component",
            "category",
            "identifier",
            "extension",
            "effectiveDateTime",
            "birthDate",
            "gender",
            "id",
            "referenceRange",
            "status",
            "resourceType",
        ]
    ),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
def test_no_shape_of_a_resource_ends_the_file(
    worker: Worker,
    write_file: WriteFile,
    make_patient: MakeResource,
    make_observation: MakeResource,
    noise: object,
    element: str,
) -> None:
    told = [
        make_patient() | {element: noise},
        make_observation() | {element: noise},
        make_patient("p9"),
        {"resourceType": "Claim"},
    ]
    outcome = fhir.read(write_file("a.json", bundle(*told)), worker)
    told_of = {record.position for record in outcome.records}
    told_of |= {refusal.position for refusal in outcome.refusals}
    assert len(told_of) + sum(outcome.skipped.values()) == 4
    assert any(record.position == 3 for record in outcome.records)
