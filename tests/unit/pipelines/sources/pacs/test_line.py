"""A peer that announces more than it may, or never ends what it began, loses its connection, and no more."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from pacs_calls import Call, Listen
from pydicom import FileDataset
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from federim.home import Home
from federim_pipelines.sources.pacs import line
from federim_pipelines.sources.pacs.line import LARGEST_PDU, guarded
from federim_pipelines.spool import Spool

ASSOCIATE_RQ = 0x01


def announce(port: int, length: int) -> socket.socket:
    """A peer that announced a PDU of that length, and sent nothing of it."""
    peer = socket.create_connection(("127.0.0.1", port), timeout=60)
    peer.sendall(struct.pack(">BBL", ASSOCIATE_RQ, 0, length))
    return peer


@pytest.fixture
def impatient() -> Iterator[int]:
    """The port of a server that waits a moment for a PDU to end."""
    application = AE("FEDERIM")
    application.add_supported_context(Verification)
    server = application.start_server(("127.0.0.1", 0), block=False, evt_handlers=[guarded(seconds=0.2)])
    assert server is not None
    yield server.server_address[1]
    application.shutdown()


def test_a_pdu_as_long_as_memory_is_not_read(site: Home, listen: Listen, call: Call) -> None:
    with listen(Spool(site, "dicom")) as port, announce(port, LARGEST_PDU + 1) as peer:
        assert peer.recv(1) == b""
        with call(port, Verification) as association:
            assert association.send_c_echo().Status == 0x0000


def test_a_pdu_that_never_ends_is_not_waited_for(impatient: int, call: Call) -> None:
    with announce(impatient, 200) as peer, call(impatient, Verification) as association:
        assert peer.recv(1) == b""
        assert association.send_c_echo().Status == 0x0000


def test_an_object_that_would_fill_the_disk_is_cut_off_and_nothing_of_it_stays(
    site: Home, listen: Listen, call: Call, ct: FileDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "BYTES_BETWEEN_LOOKS", 1 << 18)
    ct.Rows = ct.Columns = 1024
    ct.PixelData = bytes(2 << 20)
    with (
        listen(Spool(site, "dicom", reserve=1 << 60)) as port,
        call(port, ct.SOPClassUID) as association,
    ):
        assert association.dul.socket is not None
        with association.dul.socket.socket:  # pynetdicom leaves one that breaks while it sends to chance
            assert "Status" not in association.send_c_store(ct)
    assert left(site) == []


def left(home: Home) -> list[Path]:
    return [path for path in home.spool.rglob("*") if path.is_file() and path.suffix != ".lock"]
