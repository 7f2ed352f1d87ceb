"""What one document becomes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from made_cda import REGISTER

from federim.model.identifiers import Ipp, LocalId, PatientIdentity
from federim_pipelines.sources.cda import reading
from federim_pipelines.worker import Worker

Told = Callable[..., reading.Document]


@pytest.fixture
def told(worker: Worker) -> Told:
    """Read a document as it came, by file or by message."""

    def build(content: bytes, **message: object) -> reading.Document:
        return reading.document(content, worker, **message)  # type: ignore[arg-type]

    return build


@pytest.fixture
def moved(worker: Worker) -> Callable[[str], dt.date]:
    """The day that a day of the usual patient becomes in the lake; their document must be read already."""

    def build(day: str) -> dt.date:
        identity = PatientIdentity(local=(LocalId(issuer=REGISTER, value=Ipp("IPP-0001")),))
        subject = worker.exchange.find(identity)
        assert subject is not None
        return dt.date.fromisoformat(day) + dt.timedelta(days=subject.date_shift_days)

    return build
