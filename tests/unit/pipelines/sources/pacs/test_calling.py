"""Why a PACS cannot be reached is said in words that tell what to do."""

from __future__ import annotations

import socket

import pytest
from pacs_calls import Listen

from federim.home import Home
from federim_pipelines.sources.pacs.calling import Calling, NoAssociation
from federim_pipelines.sources.pacs.peer import Peer
from federim_pipelines.sources.pacs.query import studies
from federim_pipelines.spool import Spool


@pytest.mark.parametrize(
    ("aet", "called", "told"),
    [
        ("STRANGER", "FEDERIM", "it does not know our AE title"),
        ("KNOWN", "OTHER", "its AE title is another"),
        ("KNOWN", "FEDERIM", "offers none of what was asked for"),
    ],
)
def test_who_refuses_is_quoted_in_words(site: Home, listen: Listen, aet: str, called: str, told: str) -> None:
    """A receiver answers no query, so even whom it knows gets nowhere."""
    with listen(Spool(site, "dicom"), callers=("KNOWN",)) as port:
        calling = Calling(aet, Peer(called, "127.0.0.1", port))
        with pytest.raises(NoAssociation, match=told):
            list(studies(calling, {"PatientID": "SYN-1"}))


# pynetdicom leaves a socket that was refused to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_nobody_there_is_said_and_the_query_is_not_repeated() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(NoAssociation, match="nobody answers") as refused:
        list(studies(Calling("FEDERIM", Peer("PACS", "127.0.0.1", port)), {"PatientID": "SYN-1"}))
    assert "SYN-1" not in str(refused.value)
