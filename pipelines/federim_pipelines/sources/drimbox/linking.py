"""Join the patient numbers of a source's images to the INS of the manifest that names them."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Final

from pydicom.filereader import read_partial
from pydicom.tag import BaseTag

from federim.identity.exchange import Exchange
from federim.model.errors import IdentityError, KeyServerAway, Opposed, VaultError
from federim.model.identifiers import Ipp, LocalId, PatientIdentity
from federim_pipelines.sources.dicom_patient import identity_of

_AFTER_PATIENT: Final = 0x00120000


class Link:
    """Looks at the head of each object, and has the vault learn what the manifest adds to it.

    `unlinked` counts objects that stay their local patient's: their head cannot be read, or names another
    INS than the manifest does, or the vault knows their number as somebody else's, or knows already that they
    are not to be read, or not yet.
    """

    def __init__(self, exchange: Exchange, told: PatientIdentity, *, issuer: str) -> None:
        self._exchange = exchange
        self._told = told
        self._issuer = issuer
        self.unlinked = 0

    def __call__(self, head: bytes) -> None:
        """Learn whose one object is, from its first bytes."""
        national = self._told.national
        if national is None:
            return
        local = _local(head, self._issuer)
        if local is None:
            self.unlinked += 1
            return
        own = local.national
        if own is not None and (own.oid, own.value.replace(" ", "")) != (national.oid, national.value):
            self.unlinked += 1
            return
        numbers = local.local or (LocalId(issuer=national.oid, value=Ipp(national.value)),)
        try:
            self._exchange.learn(replace(local, local=numbers, national=national))
        except VaultError:
            raise
        except (IdentityError, KeyServerAway, Opposed):
            self.unlinked += 1


def _local(head: bytes, issuer: str) -> PatientIdentity | None:
    try:
        header = read_partial(BytesIO(head), stop_when=_after_patient, force=True)
        return identity_of(header, issuer)
    except Exception:  # the object is judged, and refused if need be, when it is read whole
        return None


def _after_patient(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) >= _AFTER_PATIENT
