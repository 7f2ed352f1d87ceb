"""A real worker, and builders of the records it reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from federim.home import Home
from federim.lake.tables import LakeWriter
from federim.model.identifiers import Pseudonym, Subject
from federim_pipelines.intake import Intake
from federim_pipelines.items import Item
from federim_pipelines.parked.lot import ParkingLot
from federim_pipelines.parked.terms import Terms
from federim_pipelines.review import Review
from federim_pipelines.settling import Settled
from federim_pipelines.worker import Task, Worker

Resource = dict[str, Any]
MakeResource = Callable[..., Resource]
WriteFile = Callable[..., Item]
OpenIntake = Callable[..., Intake]


@pytest.fixture
def open_worker(make_home: Callable[..., Home], tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """`open_worker()` is a worker of a fresh site; `open_worker(TOML)` one with that column mapping."""
    opened: list[Worker] = []

    def build(mapping: str = "", **settings: object) -> Worker:
        home = make_home(f"site-{len(opened)}", **settings)
        path = None
        if mapping:
            path = tmp_path / f"mapping-{len(opened)}.toml"
            path.write_text(mapping)
        worker = Worker.open(Task(home.root, "basic", path, 2026))
        opened.append(worker)
        return worker

    yield build
    for worker in opened:
        worker.exchange.close()


@pytest.fixture
def worker(open_worker: Callable[..., Worker]) -> Worker:
    return open_worker()


class ByFileName:
    """Calls an item by its file's name, and takes that for its content too."""

    def name(self, item: Item) -> str:
        return item.path.name

    def digest(self, item: Item) -> bytes:
        return hashlib.sha256(item.path.name.encode()).digest()


@pytest.fixture
def open_intake() -> OpenIntake:
    """`open_intake(home, writer, review, run_id)` takes items that the test makes up."""

    def build(
        home: Home, writer: LakeWriter, review: Review, run_id: str, settled: Settled | None = None
    ) -> Intake:
        return Intake(
            home,
            writer,
            review,
            run_id=run_id,
            inputs=ByFileName(),
            bay=ParkingLot(home).bay(Terms.of(Task(home.root, "basic", None, 2026))),
            file_done=lambda: None,
            settled=settled,
        )

    return build


@pytest.fixture
def someone() -> Subject:
    """A person whose dates move 10 days back."""
    return Subject(
        person_id=Pseudonym("5eed" * 8), linked=False, date_shift_days=-10, uid_key=bytes(range(32))
    )


@pytest.fixture
def write_file(tmp_path: Path) -> WriteFile:
    """Write text or bytes, or objects as NDJSON or JSON, and give the item of the whole file."""

    def build(name: str, content: str | bytes | list[Any] | dict[str, Any], *, source: str = "fhir") -> Item:
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(line) + "\n" for line in content)
        elif isinstance(content, dict):
            content = json.dumps(content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return Item(source=source, path=path)

    return build


@pytest.fixture
def make_patient() -> MakeResource:
    def build(id_: str = "p1", **elements: Any) -> Resource:
        return {
            "resourceType": "Patient",
            "id": id_,
            "identifier": [
                {
                    "type": {"coding": [{"code": "PI"}]},
                    "system": "urn:oid:1.2.250.1.999",
                    "value": f"IPP-{id_}",
                }
            ],
            "name": [{"family": "Quéffelec"}],
            "gender": "female",
            "birthDate": "1961-04-09",
        } | elements

    return build


@pytest.fixture
def make_observation() -> MakeResource:
    """A creatinine of patient p1; elements given as None are left out."""

    def build(id_: str = "o1", **elements: Any) -> Resource:
        built = {
            "resourceType": "Observation",
            "id": id_,
            "status": "final",
            "category": [{"coding": [{"code": "laboratory"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "14682-9"}]},
            "subject": {"reference": "Patient/p1"},
            "effectiveDateTime": "2024-03-05T08:30:00+01:00",
            "valueQuantity": {"value": 88, "unit": "µmol/L", "code": "umol/L"},
        } | elements
        return {name: value for name, value in built.items() if value is not None}

    return build
