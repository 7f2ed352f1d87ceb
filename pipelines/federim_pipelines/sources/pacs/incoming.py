"""Take the objects of C-STORE requests as they come, onto the disk, without decoding them."""

from __future__ import annotations

import hashlib
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, cast

from pynetdicom import _config, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event

from federim.model.errors import StorageFull
from federim_pipelines.sources.content import BLOCK
from federim_pipelines.sources.pacs.line import guarded
from federim_pipelines.spool import Spool

SUCCESS: Final = 0x0000
OUT_OF_RESOURCES: Final = 0xA700  # PS3.4, table B.2-1
CANNOT_STORE: Final = 0xC000

Handlers = list[tuple[evt.EventType, Callable[[Event], object]]]


@contextmanager
def incoming(spool: Spool, stored: Callable[[], None]) -> Iterator[Handlers]:
    """What to bind to an association so that the objects it brings end in `spool`.

    Any storage class and transfer syntax is taken, known or not. pynetdicom has settings for the whole
    process to that end, and writes to Python's folder for temporary files: both are put back at the end,
    and one block may be open in a process at a time.

    Parameters
    ----------
    stored : callable
        Told of each object once it is safe, before it is acknowledged; called from the association's thread.

    References
    ----------
    DICOM PS3.4, B (Storage Service Class); PS3.7, 9.1.1 (C-STORE).
    """
    before = (
        _config.STORE_RECV_CHUNKED_DATASET,
        _config.UNRESTRICTED_STORAGE_SERVICE,
        _config.LOG_HANDLER_LEVEL,
        tempfile.tempdir,
    )
    with spool.unfinished() as folder:
        _config.STORE_RECV_CHUNKED_DATASET = _config.UNRESTRICTED_STORAGE_SERVICE = True
        _config.LOG_HANDLER_LEVEL = "none"  # or it would spell out each message to whoever listens
        tempfile.tempdir = str(folder)
        try:
            yield [
                guarded(spool.check_room),
                (evt.EVT_C_STORE, lambda event: _store(event, spool, stored)),
                (evt.EVT_CONN_CLOSE, _abandon),
                (evt.EVT_DATA_SENT, _acknowledge_at_once),
            ]
        finally:
            (
                _config.STORE_RECV_CHUNKED_DATASET,
                _config.UNRESTRICTED_STORAGE_SERVICE,
                _config.LOG_HANDLER_LEVEL,
                tempfile.tempdir,
            ) = before


def instance_name(spool: Spool, sop_instance_uid: str) -> str:
    """The first half of the name in the spool of an instance: the second tells its content."""
    return spool.named("instance", sop_instance_uid)


def _store(event: Event, spool: Spool, stored: Callable[[], None]) -> int:
    """Have one object safe on the disk, and say so; or say why not, and keep nothing of it."""
    request = cast(C_STORE, event.request)
    assert request._dataset_file is not None
    request._dataset_file.close()
    part = event.dataset_path
    try:
        spool.check_room()
        name = instance_name(spool, str(request.AffectedSOPInstanceUID))
        # An instance sent again with other content must not take the place of the first: ingest judges.
        spool.keep(part, name + _digest(part))
    except StorageFull:
        return OUT_OF_RESOURCES
    except OSError:
        return CANNOT_STORE
    finally:
        part.unlink(missing_ok=True)
    stored()
    return SUCCESS


def _abandon(event: Event) -> None:
    """Remove what a broken association was in the midst of sending."""
    message = event.assoc.dimse.message
    if message is not None and message._data_set_file is not None:
        message._data_set_file.close()
        with suppress(OSError):
            Path(message._data_set_file.name).unlink()


def _acknowledge_at_once(event: Event) -> None:
    """Have TCP acknowledge at once what comes next.

    After an answer of ours Linux waits for 40 ms before it acknowledges, and so does DCMTK, which sends the
    next request in two parts, before it sends the second.
    """
    connection = event.assoc.dul.socket
    if connection is not None and connection.socket is not None:
        with suppress(OSError):
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _digest(path: Path) -> str:
    code = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            code.update(block)
    return code.hexdigest()[:32]
