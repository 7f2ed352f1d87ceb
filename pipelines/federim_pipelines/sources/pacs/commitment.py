"""Tell a sender which of its instances are safe here (storage commitment)."""

from __future__ import annotations

import queue
import ssl
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, cast

from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom import build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_ACTION
from pynetdicom.events import Event
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

from federim.home import Home
from federim.lake import index_place
from federim.lake.index import Index
from federim_pipelines.sources.dicom import instance_key
from federim_pipelines.sources.pacs.calling import Calling, NoAssociation
from federim_pipelines.sources.pacs.incoming import instance_name
from federim_pipelines.sources.pacs.peer import Peer
from federim_pipelines.spool import Spool

REQUEST: Final = 1  # action type: request storage commitment
ALL_SAFE: Final = 1  # event types
SOME_MISSING: Final = 2
NO_SUCH_INSTANCE: Final = 0x0112
NO_SUCH_ACTION: Final = 0x0123
INVALID_ARGUMENT: Final = 0x0115

# Seconds before each try: the answer to the request has to be with the sender before what it asked for.
PAUSES: Final = (0.5, 5.0, 5.0)

Reference = tuple[str, str]  # SOP class and instance UID


@dataclass(frozen=True, slots=True)
class _Promise:
    """A request that was taken, and the association it came on."""

    transaction: str
    references: Sequence[Reference]
    association: Association = field(repr=False)


class Commitment:
    """Answers N-ACTION requests, each a moment later by an N-EVENT-REPORT of what was found.

    An instance is safe if it lies in the spool, refused or not, or is in the lake. A sender among `known`
    is called to be told; another is told on its own association, as long as that is open. One that is told
    nothing, as we stop, asks again: the standard has it so.

    References
    ----------
    DICOM PS3.4, J.3 (Storage Commitment Push Model SOP Class).
    """

    def __init__(
        self, home: Home, spool: Spool, aet: str, known: Sequence[Peer], tls: ssl.SSLContext | None
    ) -> None:
        self._home = home
        self._spool = spool
        self._aet = aet
        self._known = {peer.aet: peer for peer in known}
        self._tls = tls
        self._record_key = home.secret("record")
        self._promises: queue.SimpleQueue[_Promise | None] = queue.SimpleQueue()
        self._stopped = threading.Event()

    @contextmanager
    def answering(self) -> Iterator[list[tuple[evt.EventType, Callable[[Event], object]]]]:
        """What to bind to a server; requests are answered as long as the block lasts."""
        thread = threading.Thread(target=self._keep_promises, name="storage-commitment")
        thread.start()
        try:
            yield [(evt.EVT_N_ACTION, self._take)]
        finally:
            self._stopped.set()
            self._promises.put(None)
            thread.join()

    def held(self, references: Collection[Reference]) -> set[Reference]:
        """Those of `references` whose instance is in the spool or in the lake."""
        halves = {name[:32] for name in (*self._spool.waiting, *self._spool.kept)}
        held = {each for each in references if instance_name(self._spool, each[1]) in halves}
        path = index_place.to_read(self._home)
        if path is not None:
            keys = {each: instance_key(self._record_key, each[1]) for each in references}
            index = Index(path)
            try:
                in_lake = index.records(set(keys.values()))
            finally:
                index.close()
            held |= {each for each, key in keys.items() if key in in_lake}
        return held

    def _take(self, event: Event) -> tuple[int, None]:
        if cast(N_ACTION, event.request).ActionTypeID != REQUEST:
            return NO_SUCH_ACTION, None
        try:
            asked = event.action_information
            references = [
                (str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID))
                for item in asked.ReferencedSOPSequence
            ]
            transaction = str(asked.TransactionUID)
        except Exception:  # whatever pydicom raises on a damaged dataset: its text may quote it
            return INVALID_ARGUMENT, None
        self._promises.put(_Promise(transaction, references, event.assoc))
        return 0x0000, None

    def _keep_promises(self) -> None:
        while (promise := self._promises.get()) is not None:
            for seconds in PAUSES:
                if self._stopped.wait(seconds):
                    return
                if self._tell(promise):
                    break

    def _tell(self, promise: _Promise) -> bool:
        """Report once; whether the sender took it."""
        peer = self._known.get(str(promise.association.requestor.ae_title).strip())
        try:
            if peer is None:
                return _report(promise.association, promise, self.held(promise.references))
            contexts = [build_context(StorageCommitmentPushModel)]
            roles = [build_role(StorageCommitmentPushModel, scp_role=True)]
            with Calling(self._aet, peer, self._tls).associated(contexts, roles=roles) as association:
                return _report(association, promise, self.held(promise.references))
        except (NoAssociation, RuntimeError, ValueError, OSError):  # closed meanwhile, or without the context
            return False


def report_of(transaction: str, references: Sequence[Reference], held: Collection[Reference]) -> Dataset:
    """The event information of a report (PS3.4, table J.3-2)."""
    report = Dataset()
    report.TransactionUID = UID(transaction)
    safe, missing = [], []
    for reference in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = map(UID, reference)
        if reference in held:
            safe.append(item)
        else:
            item.FailureReason = NO_SUCH_INSTANCE
            missing.append(item)
    if safe:
        report.ReferencedSOPSequence = safe
    if missing:
        report.FailedSOPSequence = missing
    return report


def _report(association: Association, promise: _Promise, held: Collection[Reference]) -> bool:
    status, _ = association.send_n_event_report(
        report_of(promise.transaction, promise.references, held),
        ALL_SAFE if len(held) == len(set(promise.references)) else SOME_MISSING,
        StorageCommitmentPushModel,
        StorageCommitmentPushModelInstance,
    )
    return "Status" in status and status.Status == 0x0000
