"""A pull brings what matches into the lake, once, and goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from dicomweb_store import Store, scan

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim_pipelines.behind import Draining
from federim_pipelines.sources.dicomweb.pull import Pulled, pull
from federim_pipelines.sources.web.access import Access, Bearer
from federim_pipelines.sources.web.server import Answered, Server, Unreachable

Connect = Callable[..., Server]


@pytest.fixture
def full(store: Store) -> Store:
    """Two studies: of two series, and of one."""
    store.add(scan("1.2.3.1.1"), scan("1.2.3.1.2"), scan("1.2.3.2.1", series="1.2.3.2"))
    store.add(scan("1.2.4.1.1", study="1.2.4", series="1.2.4.1", patient="IPP-8"))
    return store


def again(home: Home, server: Server) -> Pulled:
    done, _ = pull(home, server, {}, draining=Draining())
    return done


def instances(home: Home) -> int:
    with connect_home(home) as connection:
        found = query(connection, "SELECT count(*) AS n FROM instance", seconds=20)
    return int(found["n"][0].as_py())


def test_everything_that_matches_enters_the_lake(site: Home, full: Store, connect: Connect) -> None:
    done, drained = pull(site, connect(full), {"ModalitiesInStudy": "CT"}, draining=Draining())
    assert (done.studies, done.series, done.instances, done.incomplete) == (2, 3, 4, 0)
    assert drained.as_json()["accepted"] == 4
    assert instances(site) == 4


def test_nothing_is_retrieved_twice(site: Home, full: Store, connect: Connect) -> None:
    server = connect(full)
    again(site, server)
    full.asked.clear()
    done = again(site, server)
    assert (done.studies, done.series, done.instances) == (2, 0, 0)
    assert full.retrievals == []


def test_a_series_that_has_grown_is_retrieved_again_and_no_other(
    site: Home, full: Store, connect: Connect
) -> None:
    server = connect(full)
    again(site, server)
    full.asked.clear()
    full.add(scan("1.2.3.1.3"))
    done = again(site, server)
    assert full.retrievals == ["1.2.3.1"]
    assert (done.known, done.instances) == (1, 3)
    assert instances(site) == 5


def test_a_pull_that_is_cut_off_ingests_what_came_and_the_next_does_the_rest(
    site: Home, full: Store, connect: Connect
) -> None:
    server = connect(full)
    full.statuses = [200, 200, 503, 503, 503, 503]
    with pytest.raises(Answered, match="503"):
        again(site, server)
    assert instances(site) == 3
    full.asked.clear()
    again(site, server)
    assert full.retrievals == ["1.2.4.1"]
    assert instances(site) == 4


def test_a_pull_interrupted_within_a_series_loses_and_doubles_nothing(
    site: Home, full: Store, connect: Connect
) -> None:
    server = connect(full)
    full.breaks, full.single = [1, 1, 1, 1], False
    with pytest.raises(Unreachable):
        again(site, server)
    assert instances(site) == 1
    assert again(site, server).instances == 4
    assert instances(site) == 4


def test_a_series_the_server_refuses_is_counted_and_asked_for_next_time(
    site: Home, full: Store, connect: Connect
) -> None:
    server = connect(full)
    full.statuses = [404]
    done = again(site, server)
    assert (dict(done.refused), done.instances) == ({404: 1}, 2)
    assert again(site, server).instances == 2


def test_a_series_that_comes_incomplete_is_asked_for_next_time(
    site: Home, full: Store, connect: Connect
) -> None:
    server = connect(full)
    full.withheld = {"1.2.3.1.2"}
    done = again(site, server)
    assert (done.incomplete, done.instances) == (1, 3)
    full.withheld.clear()
    full.asked.clear()
    assert again(site, server).incomplete == 0
    assert full.retrievals == ["1.2.3.1"]
    assert instances(site) == 4


def test_a_token_is_shown_with_every_request(site: Home, full: Store, connect: Connect) -> None:
    full.token = "t0ken"
    with pytest.raises(Answered, match="answered 401"):
        again(site, connect(full))
    again(site, connect(full, Access(auth=Bearer("t0ken"))))
    assert instances(site) == 4


def test_what_is_remembered_of_a_pull_holds_no_uid(site: Home, full: Store, connect: Connect) -> None:
    again(site, connect(full))
    kept = b"".join(path.read_bytes() for path in site.root.glob("pulled.sqlite3*"))
    assert kept
    assert b"1.2.3" not in kept
