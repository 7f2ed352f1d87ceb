"""Whatever lies in the folder, each file is counted once; reading again adds nothing."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federim.audit import trail
from federim.home import Home
from federim_pipelines import batches, intake
from federim_pipelines.accounting import RunReport
from federim_pipelines.items import Reason
from federim_pipelines.run import ingest

Content = dict[str, list[str]]


def adds_up(report: RunReport) -> bool:
    told = report.as_json()
    records = told["records"]
    return told["read"] == told["accepted"] + told["duplicates"] + told["parked"] + told[
        "quarantined"
    ] and records["read"] == sum(
        records[fate] for fate in ("accepted", "duplicates", "parked", "quarantined", "skipped")
    )


def test_images_and_records_of_one_patient_meet(
    site: Home,
    inbox: Path,
    write_image: Callable[..., Path],
    write_bundle: Callable[..., Path],
    content: Callable[[Home], Content],
) -> None:
    """The image is met before the record that says its patient's sex and birth."""
    write_image("a/1")
    write_image("a/2", number=2)
    write_bundle("z.json")
    report = ingest(site, [inbox], actor="ada")
    assert report.as_json() | {"run": "", "seconds": 0} == {
        "run": "",
        "read": 3,
        "accepted": 3,
        "duplicates": 0,
        "parked": 0,
        "resumed": 0,
        "quarantined": 0,
        "ignored": 0,
        "reasons": {},
        "records": {
            "read": 6,
            "accepted": 6,
            "replaced": 0,
            "duplicates": 0,
            "parked": 0,
            "quarantined": 0,
            "skipped": 0,
        },
        "skipped": {},
        "rows": {
            "image_occurrence": 1,
            "instance": 2,
            "instance_file": 2,
            "measurement": 3,
            "person": 1,
            "study": 1,
            "volume_geometry": 1,
        },
        "registers": 0,
        "seconds": 0,
    }
    assert len(content(site)["person"]) == 1
    assert [(event.actor, event.act) for event in trail.events(site)] == [
        ("ada", "ingest.end"),
        ("ada", "ingest.start"),
    ]
    assert trail.verify(site).ok


@pytest.mark.parametrize(
    ("batch", "commit"),
    [(100, 10_000), (1, 10_000), (100, 2)],
    ids=["usual", "small batches", "small commits"],
)
def test_reading_again_adds_nothing_not_even_a_refusal(
    site: Home,
    inbox: Path,
    write_image: Callable[..., Path],
    write_bundle: Callable[..., Path],
    content: Callable[[Home], Content],
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
    commit: int,
) -> None:
    monkeypatch.setattr(batches, "BATCH_WEIGHT", batch)
    monkeypatch.setattr(intake, "ROWS_A_COMMIT", commit)
    write_image("1.dcm")
    write_image("2.dcm", Manufacturer="Another")
    write_image("3.dcm", number=3)
    shutil.copy(inbox / "1.dcm", inbox / "4.dcm")
    write_bundle("a.json")
    (inbox / "empty").touch()
    (inbox / "lines.ndjson").write_text('{"resourceType": "Patient"}\n{\n{"resourceType": "Encounter"}\n')
    first = ingest(site, [inbox])
    before = content(site)
    assert (first.accepted, first.duplicates, first.quarantined) == (3, 1, 3)
    assert first.reasons[Reason.INSTANCE_CONFLICT] == 1
    again = ingest(site, [inbox])
    assert (again.accepted, again.duplicates, again.quarantined) == (0, 4, 3)
    assert (again.reasons, again.rows) == (first.reasons, {})
    assert content(site) == before
    assert adds_up(first)
    assert adds_up(again)


def test_the_object_of_a_refused_instance_is_not_kept(
    site: Home, inbox: Path, write_image: Callable[..., Path], content: Callable[[Home], Content]
) -> None:
    write_image("1.dcm")
    write_image("2.dcm", Manufacturer="Another")
    ingest(site, [inbox])
    kept = {str(path.relative_to(site.objects)) for path in site.objects.rglob("*.dcm")}
    assert kept == {json.loads(row)["path"] for row in content(site)["instance_file"]}
    assert len(kept) == 1


def test_a_corrected_record_is_refused_and_the_first_one_stays(
    site: Home, inbox: Path, write_bundle: Callable[..., Path], content: Callable[[Home], Content]
) -> None:
    path = write_bundle("a.json")
    ingest(site, [inbox])
    before = content(site)
    path.write_text(path.read_text().replace('"value": 61', '"value": 16'))
    report = ingest(site, [inbox])
    assert report.reasons == {Reason.RECORD_CHANGED: 1}
    assert (report.records.duplicates, report.records.quarantined, report.duplicates) == (3, 1, 1)
    assert content(site) | {"quarantine": []} == before
    [refusal] = content(site)["quarantine"]
    assert json.loads(refusal)["position"] == 3


def test_a_row_the_schema_refuses_is_refused_alone(
    site: Home, inbox: Path, write_bundle: Callable[..., Path]
) -> None:
    path = write_bundle("a.json")
    path.write_text(path.read_text().replace('"unit"', '"comparator": "about", "unit"', 1))
    report = ingest(site, [inbox])
    assert report.reasons == {Reason.SCHEMA: 1}
    assert report.rows["measurement"] == 2


PIECES = st.sampled_from(
    [
        "image",
        "other image",
        "its copy",
        "conflict",
        "bundle",
        "half bundle",
        "lines",
        "csv",
        "empty",
        "text",
        "folder",
        "encounters",
        "zip",
        "broken zip",
        "unreadable link",
        "pipe",
    ]
)


@given(pieces=st.lists(PIECES, max_size=12), again=st.booleans())
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_file_is_accounted_for(
    make_home: Callable[..., Home],
    inbox: Path,
    write_image: Callable[..., Path],
    write_bundle: Callable[..., Path],
    pieces: list[str],
    again: bool,
    counter: list[int],
) -> None:
    counter.append(len(counter))
    shutil.rmtree(inbox)
    inbox.mkdir()
    files = 0
    for place, piece in enumerate(pieces):
        name = f"{place:02d}"
        files += 1
        if piece == "image":
            write_image(name)
        elif piece == "other image":
            write_image(name, patient="IPP-p2", number=place)
        elif piece == "its copy":
            write_image(f"sub/{name}")
        elif piece == "conflict":
            write_image(name, Manufacturer=f"maker {place}")
        elif piece == "bundle":
            write_bundle(name, patient=f"p{place % 2}", results=place)
        elif piece == "half bundle":
            path = write_bundle(name)
            path.write_bytes(path.read_bytes()[:300])
        elif piece == "lines":
            (inbox / f"{name}.ndjson").write_text('{"resourceType": "Patient", "id": "x"}\n{\n')
        elif piece == "csv":
            (inbox / f"{name}.csv").write_text("a,b\n1,2\n")
        elif piece == "empty":
            (inbox / name).touch()
        elif piece == "text":
            (inbox / f"{name}.dcm").write_text("this is no image")
        elif piece == "folder":
            (inbox / f"d{name}").mkdir()
            files -= 1
        elif piece == "encounters":
            (inbox / f"{name}.ndjson").write_text('{"resourceType": "Encounter"}\n')
        elif piece == "zip":
            with zipfile.ZipFile(inbox / f"{name}.zip", "w") as archive:
                archive.writestr("one", b"")
                archive.writestr("two.json", '{"resourceType": "Patient", "id": "y"}')
            files += 1
        elif piece == "broken zip":
            (inbox / f"{name}.zip").write_bytes(b"PK\x03\x04 and no more")
        elif piece == "pipe":
            os.mkfifo(inbox / f"{name}.json")
        else:
            (inbox / name).symlink_to(inbox / "nowhere")
    home = make_home(f"h{len(counter)}")
    report = ingest(home, [inbox])
    assert report.read + report.ignored == files
    assert adds_up(report)
    if again:
        second = ingest(home, [inbox])
        assert (second.read, second.accepted, second.rows) == (report.read, 0, {})
        assert second.quarantined == report.quarantined


@pytest.fixture
def counter() -> list[int]:
    """Homes made so far in one property: Hypothesis runs a test many times with the same fixtures."""
    return []
