"""A receiver of this process on loopback, and a sender that calls it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pacs_calls import Call, Listen
from pydicom import FileDataset, dcmread
from pydicom.data import get_testdata_file
from pynetdicom import AE, build_context
from pynetdicom.association import Association

from federim.home import Home
from federim_pipelines.sources.pacs.receiver import Listening, receiving
from federim_pipelines.spool import Spool


@pytest.fixture
def listen(site: Home) -> Listen:
    """`with listen(spool, …) as port`: a receiver called FEDERIM, `Listening`'s other settings as given."""

    @contextmanager
    def build(spool: Spool, stored: Callable[[], None] = lambda: None, **settings: Any) -> Iterator[int]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        with receiving(site, spool, Listening(aet="FEDERIM", port=port, **settings), stored):
            yield port

    return build


@pytest.fixture
def call() -> Call:
    """`with call(port, sop_class, …) as association`: whether it is established is the test's to ask."""

    @contextmanager
    def build(
        port: int, *sop_classes: str, aet: str = "MODALITY", called: str = "FEDERIM", **more: Any
    ) -> Iterator[Association]:
        contexts = [build_context(each) for each in sop_classes]
        association = AE(aet).associate("127.0.0.1", port, contexts, ae_title=called, **more)
        try:
            yield association
        finally:
            if association.is_established:
                association.release()

    return build


@pytest.fixture
def ct() -> FileDataset:
    """A small CT slice."""
    return dcmread(get_testdata_file("CT_small.dcm"))
