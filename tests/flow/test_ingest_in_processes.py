"""Who reads does not matter: one process, several or threads fill the lake alike, and memory stays flat."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from federim.home import Home
from federim_pipelines import intake, run
from federim_pipelines.items import Item
from federim_pipelines.processes import process_pool
from federim_pipelines.run import ingest
from federim_pipelines.sources.fhir import content as fhir_content

Content = dict[str, list[str]]


@pytest.mark.parametrize("pool", [process_pool, ThreadPoolExecutor], ids=["processes", "threads"])
def test_several_readers_fill_the_same_lake_as_one(
    site: Home,
    twin: Callable[[Home, str], Home],
    inbox: Path,
    write_image: Callable[..., Path],
    write_bundle: Callable[..., Path],
    content: Callable[[Home], Content],
    monkeypatch: pytest.MonkeyPatch,
    pool: Callable[[int], ThreadPoolExecutor],
) -> None:
    for number in range(30):
        write_image(f"{number:02d}.dcm", patient=f"IPP-p{number % 5}", number=number)
    write_image("31.dcm", patient="IPP-p1", number=1, Manufacturer="Another")
    for number in range(5):
        write_bundle(f"{number}.json", patient=f"p{number}", results=40)
    (inbox / "bad.json").write_text("{")
    monkeypatch.setattr(intake, "ROWS_A_COMMIT", 50)
    monkeypatch.setattr("federim_pipelines.batches.BATCH_WEIGHT", 7)
    alone = twin(site, "alone")
    expected = ingest(alone, [inbox])
    with pool(3) as executor:
        report = ingest(site, [inbox], executor=executor)
    assert report.as_json() | {"run": "", "seconds": 0} == expected.as_json() | {"run": "", "seconds": 0}
    assert content(site) == content(alone)


def lines(count: int) -> Iterator[str]:
    yield '{"resourceType": "Patient", "id": "p1"}\n'
    for number in range(count):
        told = {
            "resourceType": "Observation",
            "id": str(number),
            "code": {"coding": [{"system": "http://loinc.org", "code": "14682-9"}]},
            "subject": {"reference": "Patient/p1"},
            "valueQuantity": {"value": number, "unit": "umol/L"},
        }
        yield json.dumps(told) + "\n"


def test_memory_does_not_grow_with_the_number_of_records(
    make_home: Callable[..., Home], inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "ROWS_A_COMMIT", 500)
    monkeypatch.setattr(fhir_content, "SPAN_BYTES", 50_000)

    def peak(count: int) -> int:
        with (inbox / "o.ndjson").open("w") as file:
            file.writelines(lines(count))
        home = make_home(f"h{count}")
        tracemalloc.start()
        report = ingest(home, [inbox])
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert report.rows["measurement"] == count
        return most

    peak(100)  # what is imported and cached once
    small, large = peak(1_000), peak(8_000)
    assert large < 1.5 * small


def test_the_list_of_files_is_never_held(site: Home, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream of items far longer than what is under way: no more than a few batches are ever alive."""
    (inbox / "empty").touch()
    alive = most = 0

    class CountedItem(Item):
        __slots__ = ("__weakref__",)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def items(self: object) -> Iterator[Item]:
        nonlocal alive, most
        for number in range(5_000):
            alive += 1
            most = max(most, alive)
            yield CountedItem("folder", inbox / "empty", member="" if number % 2 else "x")

    monkeypatch.setattr(run.Inputs, "items", items)
    assert ingest(site, [inbox]).read == 5_000
    assert most < 500
