"""A search finds everything once, whatever a server does with pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from asgi_servers import Serve
from dicomweb_store import Store, scan
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from federim.model.errors import InputError, UnknownName
from federim_pipelines.sources.dicomweb.search import Found, Search, parse_query
from federim_pipelines.sources.web.access import Access
from federim_pipelines.sources.web.server import Answered, Server, Unreachable

STUDIES = [f"1.2.{number}" for number in range(10, 33)]
Connect = Callable[..., Server]


@pytest.fixture
def full(store: Store) -> Store:
    for study in STUDIES:
        store.objects[study, f"{study}.1", f"{study}.1.1"] = b""
    return store


@pytest.mark.parametrize(("server_gives", "client_asks"), [(100, 5), (3, 5), (5, 5), (1, 100), (100, 23)])
def test_every_study_comes_once(full: Store, connect: Connect, server_gives: int, client_asks: int) -> None:
    full.page = server_gives
    found = list(Search(connect(full), page=client_asks).studies({}))
    assert found == [Found(study, 1) for study in STUDIES]


def test_a_server_that_gives_the_same_page_for_every_offset_is_not_asked_for_ever(
    full: Store, connect: Connect
) -> None:
    full.pages = False
    found = list(Search(connect(full), page=5).studies({}))
    assert [one.uid for one in found] == STUDIES[:5]
    assert len(full.asked) == 2


def test_a_server_that_has_nothing_answers_without_content(store: Store, connect: Connect) -> None:
    assert list(Search(connect(store)).studies({"ModalitiesInStudy": "CT"})) == []


def test_series_and_instances_of_a_study(store: Store, connect: Connect) -> None:
    store.add(scan("1.2.3.1.1"), scan("1.2.3.1.2"), scan("1.2.3.2.1", series="1.2.3.2"))
    search = Search(connect(store))
    assert list(search.series("1.2.3")) == [Found("1.2.3.1", 2), Found("1.2.3.2", 1)]
    assert list(search.instances("1.2.3", "1.2.3.1")) == ["1.2.3.1.1", "1.2.3.1.2"]


def test_how_many_instances_there_are_may_be_untold(full: Store, connect: Connect) -> None:
    full.counts = False
    assert next(Search(connect(full)).studies({})) == Found(STUDIES[0], None)


@pytest.mark.parametrize("body", [b"<html>", b'{"a": 1}', b"[1]", b'[{"0020000D": {"vr": "UI"}}]'])
def test_an_answer_that_is_no_dicom_json_is_said_to_be_none(serve: Serve, body: bytes) -> None:
    app = Starlette(routes=[Route("/rs/studies", lambda _: Response(body))])
    with (
        Server(f"{serve(app)}/rs", Access(), pauses=()) as server,
        pytest.raises(Unreachable) as error,
    ):
        list(Search(server).studies({"PatientID": "8004177193"}))
    assert "8004177193" not in str(error.value)


def test_a_message_says_the_status_and_not_what_was_asked(store: Store, connect: Connect) -> None:
    store.token = "not-this-one"
    with pytest.raises(Answered, match=r"127\.0\.0\.1:\d+ answered 401 to a search for studies") as error:
        list(Search(connect(store)).studies({"PatientID": "8004177193"}))
    assert "8004177193" not in str(error.value)


def test_a_query_is_dicom_keywords_and_values() -> None:
    assert parse_query(["ModalitiesInStudy=CT", "StudyDate=20240101-20240630"]) == {
        "ModalitiesInStudy": "CT",
        "StudyDate": "20240101-20240630",
    }
    with pytest.raises(UnknownName, match="did you mean 'StudyDate'"):
        parse_query(["StudyDat=20240101"])
    for text in ("StudyDate", "StudyDate=", "ModalitiesInStudy=MR"):
        with pytest.raises(InputError, match="query 2: expected KEYWORD=VALUE"):
            parse_query(["ModalitiesInStudy=CT", text])
    with pytest.raises(InputError, match="limit is set by the search itself"):
        parse_query(["limit=3"])
