"""Read messages with a real worker, and let what they give into a real lake."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest
from made_messages import Enter, Read, Rows

from federim.lake.reader import connect_home
from federim.lake.tables import Lake
from federim.model.identifiers import Merge
from federim_pipelines.intake import Intake
from federim_pipelines.items import Item, Outcome
from federim_pipelines.review import Review
from federim_pipelines.sources.hl7v2 import reading
from federim_pipelines.worker import Worker


@pytest.fixture
def read(worker: Worker, write_file: Callable[..., Item]) -> Read:
    """`read(content)` is what a file of messages gives, whoever they name made known first."""

    def build(content: bytes, name: str = "in.hl7") -> Outcome:
        item = write_file(name, content, source=reading.KIND)
        for identity in reading.identities(item):
            if not isinstance(identity, Merge):
                worker.exchange.learn(identity)
        return reading.read(item, worker)

    return build


@pytest.fixture
def enter(worker: Worker, read: Read, open_intake: Callable[..., Intake]) -> Enter:
    """`enter([message, …])` reads files in that order, in one run, into the worker's lake."""
    runs = count()

    def build(contents: Sequence[bytes]) -> None:
        run_id = f"run-{next(runs)}"
        with Lake(worker.home).writing() as writer, Review(worker.home) as review:
            intake = open_intake(worker.home, writer, review, run_id)
            for number, content in enumerate(contents):
                intake.take([read(content, f"{number}.hl7")])
            started = dt.datetime.now(dt.UTC).replace(tzinfo=None)
            intake.finish({"run_id": run_id, "started_at": started, "version": "", "policy": ""})

    return build


@pytest.fixture
def rows(worker: Worker) -> Rows:
    """`rows(query)` is what a query finds in that lake."""

    def build(query: str) -> list[dict[str, Any]]:
        with connect_home(worker.home) as lake:
            found: list[dict[str, Any]] = lake.sql(query).to_arrow_table().to_pylist()
            return found

    return build
