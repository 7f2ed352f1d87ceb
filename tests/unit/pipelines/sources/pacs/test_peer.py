"""Peers are written one way, and titles are what PS3.5 allows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.model.errors import InputError
from federim_pipelines.sources.pacs.peer import Peer, application_title

TITLES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="\\@"), min_size=1, max_size=16
).filter(lambda text: text == text.strip(" ") and text)
HOSTS = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True) | st.ip_addresses(v=6).map(str)


@given(TITLES, HOSTS, st.integers(1, 65535))
def test_a_peer_reads_back_as_it_is_written(aet: str, host: str, port: int) -> None:
    peer = Peer(aet, host, port)
    assert Peer.parse(str(peer)) == peer


@pytest.mark.parametrize(
    "text", ["", "PACS", "PACS@host", "@host:104", "PACS@host:0", "PACS@host:65536", "PACS@2001:db8::1:104"]
)
def test_what_is_no_peer_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="such as PACS@"):
        Peer.parse(text)


@pytest.mark.parametrize("text", ["", "   ", "SEVENTEEN_LETTERS", "BACK\\SLASH", "ÉTAGE2", "TAB\tTAB"])
def test_what_is_no_title_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="1 to 16 ASCII"):
        application_title(text)


def test_spaces_around_a_title_do_not_count() -> None:
    assert application_title(" CT 1 ") == "CT 1"
