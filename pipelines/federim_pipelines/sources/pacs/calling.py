"""Call a PACS: agree on an association, or say in words why there is none."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext

from federim.model.errors import InputError
from federim_pipelines.sources.pacs.incoming import Handlers
from federim_pipelines.sources.pacs.line import guarded
from federim_pipelines.sources.pacs.peer import Peer

SECONDS_TO_AGREE: Final = 30

# A PACS that fetches an old study from tape says nothing for minutes.
SECONDS_OF_SILENCE: Final = 900

# PS3.8, table 9-21: reason by source.
_REJECTIONS: Final = {
    (1, 2): "it does not offer this service",
    (1, 3): "it does not know our AE title",
    (1, 7): "its AE title is another",
    (3, 1): "it is congested",
    (3, 2): "it has as many associations as it takes",
}


class NoAssociation(InputError):
    """A PACS cannot be reached, refuses the association, or breaks it."""


@dataclass(frozen=True, slots=True)
class Calling:
    """Who calls whom: our AE title, and the PACS."""

    aet: str
    peer: Peer
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @contextmanager
    def associated(
        self,
        contexts: Iterable[PresentationContext],
        *,
        roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
        handlers: Handlers | None = None,
    ) -> Iterator[Association]:
        """An association that lasts as long as the block, and is released at its end.

        Raises
        ------
        NoAssociation
            There is none, or none for these contexts.
        """
        application = AE(ae_title=self.aet)
        application.acse_timeout = application.connection_timeout = SECONDS_TO_AGREE
        application.dimse_timeout = application.network_timeout = SECONDS_OF_SILENCE
        association = application.associate(
            self.peer.host,
            self.peer.port,
            contexts=list(contexts),
            ae_title=self.peer.aet,
            ext_neg=list(roles),
            tls_args=None if self.tls is None else (self.tls, self.peer.host),
            evt_handlers=list(handlers or [guarded()]),
        )
        if not association.is_established:
            raise NoAssociation(f"{self.peer}: no association; {_why_not(association)}")
        try:
            yield association
        finally:
            if association.is_established:
                association.release()


def _why_not(association: Association) -> str:
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None:
        reason = _REJECTIONS.get((answer.result_source or 0, answer.diagnostic or 0), "it gives no reason")
        return f"it was rejected: {reason}; tell the PACS our AE title and address, or correct its own"
    if association.is_aborted and answer is not None:
        return "the PACS offers none of what was asked for"
    return "nobody answers at that host and port, or TLS fails; check both, and that the PACS runs"
