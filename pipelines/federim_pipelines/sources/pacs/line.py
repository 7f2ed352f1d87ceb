"""Keep a peer from filling memory or disk, or holding a line, with what it announces and never ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from pynetdicom import evt
from pynetdicom.events import Event
from pynetdicom.transport import AssociationSocket

from federim.model.errors import StorageFull

# We announce 16 kB for data; a request for an association may list more, and takes no megabyte.
LARGEST_PDU: Final = 1 << 20
SECONDS_A_PDU: Final = 30.0
BYTES_BETWEEN_LOOKS: Final = 16 << 20


def guarded(
    check_room: Callable[[], None] = lambda: None, *, seconds: float = SECONDS_A_PDU
) -> tuple[evt.EventType, Callable[[Event], object]]:
    """What to bind to an association: its connection is dropped, as if it broke, once the peer abuses it.

    pynetdicom reads as many bytes as a peer announces, up to 4 GB, into memory, and waits for them for ever.

    Parameters
    ----------
    check_room : callable
        Raises `StorageFull` when no more may be taken; an object may come that is larger than the disk.
    seconds : float
        A PDU that has begun has to be there within.
    """

    def bind(event: Event) -> None:
        line = event.assoc.dul.socket
        assert line is not None
        line.recv = _Reading(line, check_room, seconds)  # type: ignore[method-assign]

    return evt.EVT_CONN_OPEN, bind


class _Reading:
    """`AssociationSocket.recv` with limits; pynetdicom takes an OSError of it for the end of the line."""

    def __init__(self, line: AssociationSocket, check_room: Callable[[], None], seconds: float) -> None:
        self._line = line
        self._check_room = check_room
        self._seconds = seconds
        self._unchecked = 0

    def __call__(self, nr_bytes: int) -> bytearray:
        """The next bytes, fewer only where the connection ends."""
        connection = self._line.socket
        if connection is None:
            raise OSError("no connection")
        read = bytearray()
        try:
            if nr_bytes > LARGEST_PDU:
                raise OSError("a PDU longer than any that is allowed")
            self._look(nr_bytes)
            end = time.monotonic() + self._seconds
            while len(read) < nr_bytes:
                connection.settimeout(max(end - time.monotonic(), 0.001))
                block = connection.recv(nr_bytes - len(read))
                if not block:
                    break
                read += block
        finally:
            if len(read) < nr_bytes:
                connection.close()  # pynetdicom leaves that to chance where the peer has gone already
        return read

    def _look(self, coming: int) -> None:
        self._unchecked += coming
        if self._unchecked >= BYTES_BETWEEN_LOOKS:
            self._unchecked = 0
            try:
                self._check_room()
            except StorageFull:
                raise OSError("no room") from None
