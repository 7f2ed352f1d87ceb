"""Retrieve a series into the spool, instance by instance as they arrive (WADO-RS)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Final

from federim_pipelines.progress import Watch
from federim_pipelines.sources.dicomweb.multipart import parts
from federim_pipelines.sources.web.server import Answered, Server
from federim_pipelines.spool import Spool

# What of an object is looked at: past the patient's attributes, were there thousands of references before.
HEAD_BYTES: Final = 1 << 18

ASKED: Final = "a series (WADO-RS)"
ANY_SYNTAX: Final = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}

_INSTANCE: Final = re.compile(rb"\x02\x00\x03\x00UI(..)", re.DOTALL)  # MediaStorageSOPInstanceUID
_NO_SINGLE_INSTANCES: Final = (400, 404, 405, 406, 501)  # from servers that give whole series alone


class Retrieval:
    """Brings series from one server into one spool.

    Parameters
    ----------
    headers : mapping
        What every request bears; the server chooses among the transfer syntaxes it accepts.
    look : callable
        Shown the head of every object before it is in the spool.
    only : container of str
        SOPInstanceUIDs to keep; None keeps whatever comes. `passed_over` counts the others,
        `arrived` what was kept.
    """

    def __init__(
        self,
        server: Server,
        spool: Spool,
        watch: Watch,
        *,
        headers: Mapping[str, str] = ANY_SYNTAX,
        look: Callable[[bytes], None] | None = None,
        only: Container[str] | None = None,
    ) -> None:
        self._server = server
        self._spool = spool
        self._watch = watch
        self._headers = headers
        self._look = look
        self._only = only
        self.arrived = 0
        self.passed_over = 0

    def series(self, url: str, named: Callable[[], Iterable[str]]) -> frozenset[str]:
        """Bring one series, and go on where the connection breaks, with the instances that lack.

        Parameters
        ----------
        url : str
            Of the series.
        named : callable
            The SOPInstanceUIDs it should have; called only where the first attempt breaks off.

        Returns
        -------
        frozenset of str
            SOPInstanceUIDs of what is in the spool now.

        Raises
        ------
        Answered, Unreachable
            As `Server.patiently`; what arrived stays.
        StorageFull
            The disk has no more room.
        """
        held: set[str] = set()

        def attempt() -> None:
            if held and (missing := frozenset(named()) - held):
                try:
                    for instance in sorted(missing):
                        self._bring(f"{url}/instances/{instance}", held)
                except Answered as error:
                    if error.status not in _NO_SINGLE_INSTANCES:
                        raise
                else:
                    return
            self._bring(url, held)

        self._server.patiently(ASKED, attempt)
        return frozenset(held)

    def _bring(self, url: str, held: set[str]) -> None:
        with self._server.answer(ASKED, url, headers=self._headers) as response:
            if response.status_code == 204:
                return
            for part in parts(response.headers.get("Content-Type", ""), response.iter_bytes()):
                instance = self._keep(part)
                if instance is None:
                    self.passed_over += 1
                elif instance not in held:
                    held.add(instance)
                    self.arrived += 1
                    self._watch.advance()

    def _keep(self, part: Iterator[bytes]) -> str | None:
        """Write one object; its SOPInstanceUID, or where its head tells none, what stands for the head."""
        head = b""
        for block in part:
            head += block
            if len(head) >= HEAD_BYTES:
                break
        instance = _instance(head) or hashlib.sha256(head).hexdigest()
        if self._only is not None and instance not in self._only:
            return None
        with self._spool.writing(self._spool.named(instance)) as file:
            file.write(head)
            for block in part:
                file.write(block)
            if self._look is not None:
                self._look(head)
        return instance


def _instance(head: bytes) -> str:
    """MediaStorageSOPInstanceUID of the file meta that `head` begins with, "" if there is none.

    References
    ----------
    DICOM PS3.10, 7.1.
    """
    found = _INSTANCE.search(head)
    if head[128:132] != b"DICM" or found is None:
        return ""
    length = int.from_bytes(found[1], "little")
    return head[found.end() : found.end() + length].strip(b"\0 ").decode("latin-1")
