"""Listen for modalities and PACS that send images (C-STORE), ask after us (C-ECHO), or want our word."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from pynetdicom import AE
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification  # type: ignore[attr-defined]

from federim.home import Home
from federim.model.errors import InputError
from federim_pipelines.sources.pacs.commitment import Commitment
from federim_pipelines.sources.pacs.incoming import incoming
from federim_pipelines.sources.pacs.peer import Peer
from federim_pipelines.spool import Spool

LOOPBACK: Final = "127.0.0.1"
ASSOCIATIONS: Final = 8

# A sender that stalls holds one of the few associations; a slow PACS may think for a minute.
SECONDS_TO_AGREE: Final = 30
SECONDS_OF_SILENCE: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where a receiver listens, and to whom.

    `callers` are the AE titles that may call, all if there is none; `known` are applications reached to
    tell them what is stored, those that ask for it on an association they then close.
    """

    aet: str
    port: int
    host: str = LOOPBACK
    callers: Sequence[str] = ()
    known: Sequence[Peer] = ()
    associations: int = ASSOCIATIONS
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    tls_out: ssl.SSLContext | None = field(default=None, repr=False)


@contextmanager
def receiving(
    home: Home, spool: Spool, listening: Listening, stored: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Receive as long as the block lasts; an object is acknowledged once it is safe in `spool`.

    Raises
    ------
    InputError
        Nobody can listen at that host and port.

    References
    ----------
    DICOM PS3.4, A (Verification), B (Storage), J (Storage Commitment).
    """
    application = AE(ae_title=listening.aet)
    application.require_called_aet = True
    application.require_calling_aet = list(listening.callers)
    application.maximum_associations = listening.associations
    application.acse_timeout = application.dimse_timeout = SECONDS_TO_AGREE
    application.network_timeout = SECONDS_OF_SILENCE
    application.add_supported_context(Verification)
    application.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    commitment = Commitment(home, spool, listening.aet, listening.known, listening.tls_out)
    with incoming(spool, stored) as handlers, commitment.answering() as more:
        try:
            application.start_server(
                (listening.host, listening.port),
                block=False,
                ssl_context=listening.tls,
                evt_handlers=[*handlers, *more],
            )
        except OSError as error:
            raise InputError(
                f"cannot listen on {listening.host} port {listening.port}: {error.strerror}; "
                "choose another port, or stop who has it"
            ) from error
        try:
            yield
        finally:
            application.shutdown()
