"""Records a second out of clinical sources, beside what merely parsing the same bytes takes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import hl7
import messages
from lxml import etree

from federim.database import migrate
from federim.home import Home, Role
from federim_pipelines.batches import READERS
from federim_pipelines.sources.inputs import Inputs
from federim_pipelines.worker import Task, Worker

FHIR_LINES: Final = 50_000
HL7V2_MESSAGES: Final = 5_000
CDA_DOCUMENTS: Final = 500

Rates = tuple[list[float], list[float]]


class SourcesBench:
    """A worker of a fresh home that reads the same files again and again, and a parser that does no more."""

    def __init__(self, scratch: Path, rounds: int) -> None:
        self.scratch, self.rounds = scratch, rounds
        home = Home.create(scratch / "sources-home", role=Role.SITE, name="bench")
        migrate(home)
        self._worker = Worker.open(Task(home.root, "research", None, 2026))

    def fhir(self) -> Rates:
        """Resources a second, and lines a second through `json.loads`."""
        path = self.scratch / "lines.ndjson"
        messages.write_fhir(path, FHIR_LINES)

        def parse() -> None:
            with path.open("rb") as file:
                for line in file:
                    json.loads(line)

        return self._rates(path, FHIR_LINES, parse)

    def hl7v2(self) -> Rates:
        """Messages a second, and the same through the library `hl7`."""
        path = self.scratch / "messages.hl7"
        messages.write_hl7v2(path, HL7V2_MESSAGES)

        def parse() -> None:
            for message in path.read_bytes().decode().split("MSH|")[1:]:
                hl7.parse(f"MSH|{message}")

        return self._rates(path, HL7V2_MESSAGES, parse)

    def cda(self) -> Rates:
        """Documents a second, and the same through lxml."""
        folder = self.scratch / "documents"
        messages.write_cda(folder, CDA_DOCUMENTS)

        def parse() -> None:
            for path in folder.iterdir():
                etree.parse(path)

        return self._rates(folder, CDA_DOCUMENTS, parse)

    def _rates(self, path: Path, count: int, parse: Callable[[], None]) -> Rates:
        inputs = Inputs(self._worker.home, [path])
        for identity in inputs.identities():
            self._worker.exchange.learn(identity)
        items = [*inputs.items()]

        def read() -> None:
            for item in items:
                outcome = READERS[item.source](item, self._worker)
                if outcome.refusals:
                    raise SystemExit(f"{item.source}: {outcome.refusals[0].reason} where nothing is wrong")

        rates: Rates = ([], [])
        for turn in range(self.rounds + 1):
            for act, found in zip((read, parse), rates, strict=True):
                taken = _seconds(act)
                if turn:
                    found.append(count / taken)
        return rates


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
