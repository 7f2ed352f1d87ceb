"""Cut a stream of items into batches, and read one batch in whatever process it lands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from federim.identity.enrolment import TokenWanted
from federim.model.errors import HomeError, LakeError, StorageFull, VaultError, VerificationFailed
from federim.model.identifiers import PatientIdentity
from federim_pipelines.items import Item, Outcome, Reason, Refusal
from federim_pipelines.parked.piece import readable
from federim_pipelines.sealed_executor import WorkersLost
from federim_pipelines.sources import csv, dicom
from federim_pipelines.sources.cda import reading as cda
from federim_pipelines.sources.content import CANNOT_OPEN
from federim_pipelines.sources.fhir import reading as fhir
from federim_pipelines.sources.hl7v2 import reading as hl7v2
from federim_pipelines.sources.omop import reading as omop
from federim_pipelines.sources.persons import persons
from federim_pipelines.worker import Task, Worker, worker_for

READERS: dict[str, Callable[[Item, Worker], Outcome]] = {
    dicom.KIND: dicom.read,
    fhir.KIND: fhir.read,
    hl7v2.KIND: hl7v2.read,
    cda.KIND: cda.read,
    omop.KIND: omop.read,
    csv.KIND: csv.read,
}

# A hundred images of 0.5 MB are a second's work: fewer, and sending them costs; more, and a worker's
# answer, which holds their rows, grows for nothing. A span of lines makes as many rows by itself.
BATCH_WEIGHT = 100
_WEIGHT_OF_BUNDLE = 10

# What concerns the whole run, and would refuse every file after this one as well.
ENDS_THE_RUN = (HomeError, LakeError, StorageFull, VaultError, VerificationFailed, WorkersLost)


def in_batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Group items, in their order, into batches of about the same work."""
    batch: list[Item] = []
    weight = 0
    for item in items:
        batch.append(item)
        weight += _weight(item)
        if weight >= BATCH_WEIGHT:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def read_batch(task: Task, items: Sequence[Item]) -> list[Outcome]:
    """Read items one after the other; whatever one of them raises is that item's refusal.

    Persons whose token the key server must be asked for are asked about together, once all items were tried.

    Raises
    ------
    HomeError, LakeError, StorageFull
        Nothing can be read any more.
    """
    worker = worker_for(task)
    worker.subjects.ask_anew()
    outcomes: dict[int, Outcome] = {}
    left = dict(enumerate(items))
    while left:
        with worker.exchange.gathering():
            outcomes.update(_those_read(left, worker))
        left = {place: item for place, item in left.items() if place not in outcomes}
        if left:
            worker.subjects.ask(_named_in(left.values(), worker))
    worker.exchange.remember_originals(worker.originals.take())
    return [outcomes[place] for place in range(len(items))]


def failed(item: Item, error: BaseException) -> Outcome:
    """The outcome of an item whose reading ended in `error`, told by its kind: its text may quote it."""
    return Outcome(item, [], [Refusal(reason=Reason.FAILED, detail=type(error).__name__)])


def _those_read(items: Mapping[int, Item], worker: Worker) -> Iterator[tuple[int, Outcome]]:
    """The outcomes, by place, of those items that can be read without asking the key server."""
    for place, item in items.items():
        with suppress(TokenWanted):
            yield place, _read(item, worker)


def _named_in(items: Iterable[Item], worker: Worker) -> Iterator[PatientIdentity]:
    """Everybody some items name: an item that stopped at the first may name thousands."""
    for item in items:
        with readable(item, worker.home) as within:
            for told in persons(within, worker.home, worker.mapping, issuer=worker.issuer):
                if isinstance(told, PatientIdentity):
                    yield told


def _read(item: Item, worker: Worker) -> Outcome:
    try:
        with readable(item, worker.home) as within:
            return replace(READERS[item.source](within, worker), item=item)
    except (*ENDS_THE_RUN, TokenWanted):
        raise
    except CANNOT_OPEN as error:
        return Outcome(item, [], [Refusal(reason=Reason.UNREADABLE, detail=type(error).__name__)])
    except Exception as error:
        return failed(item, error)


def _weight(item: Item) -> int:
    if item.source == dicom.KIND:
        return 1
    return _WEIGHT_OF_BUNDLE if item.end is None else BATCH_WEIGHT
