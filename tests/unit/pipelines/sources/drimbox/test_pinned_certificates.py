"""A token reaches no host but the one whose certificate is on the list, even if the host's name is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from asgi_servers import Paper, Serve, make_paper
from dicomweb_store import Store

from federim_pipelines.sources.drimbox.pinned import pinned_context
from federim_pipelines.sources.web.access import Access, Bearer
from federim_pipelines.sources.web.server import Server, Unreachable

ASKED = ("a search", "rs/studies", {"limit": "1", "offset": "0"}, "*/*")


def digits(paper: Paper) -> str:
    return paper.fingerprint.replace(":", "").lower()


def ask(url: str, *fingerprints: str, authority: Path) -> object:
    tls = pinned_context(fingerprints, authority=authority)
    with Server(url, Access(auth=Bearer("t0ken"), tls=tls), pauses=()) as server:
        return server.json(*ASKED)


def test_the_certificate_on_the_list_is_accepted_and_so_is_the_next(
    serve: Serve, store: Store, paper: Paper
) -> None:
    assert ask(serve(store.app(), paper), "00" * 32, digits(paper), authority=paper.certificate) is None
    assert store.headers[0]["authorization"] == "Bearer t0ken"


def test_another_certificate_of_the_same_name_and_authority_sees_no_request(
    serve: Serve, store: Store, paper: Paper, tmp_path: Path
) -> None:
    other = make_paper(tmp_path, "other")
    with pytest.raises(Unreachable, match="allow-list"):
        ask(serve(store.app(), paper), digits(other), authority=paper.certificate)
    assert store.asked == []


def test_a_certificate_on_the_list_must_still_be_vouched_for(
    serve: Serve, store: Store, paper: Paper, tmp_path: Path
) -> None:
    other = make_paper(tmp_path, "other")
    with pytest.raises(Unreachable, match="certificate that is not accepted"):
        ask(serve(store.app(), paper), digits(paper), authority=other.certificate)
    assert store.asked == []
