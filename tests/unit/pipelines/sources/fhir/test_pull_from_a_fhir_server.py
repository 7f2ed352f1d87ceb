"""Pulling from a FHIR server: by export, by search, going on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fhir_on_loopback import TOKEN, TRANSACTION_TIME, FhirServer, running

from federim.home import Home
from federim.model.errors import InputError, UnknownName
from federim_pipelines.behind import Draining
from federim_pipelines.sources.fhir.pull import Pulled, check_instant, check_kinds, pull
from federim_pipelines.sources.web.access import Access, Bearer
from federim_pipelines.sources.web.drained import Drained
from federim_pipelines.sources.web.server import Answered, Server, Unreachable

MakeResource = Callable[..., dict[str, Any]]
Puller = Callable[..., tuple[Pulled, Drained]]


@pytest.fixture
def records(make_patient: MakeResource, make_observation: MakeResource) -> list[dict[str, Any]]:
    """Two patients with three results, changed on five days of January; results come first."""
    told = [make_observation(f"o{number}") for number in range(1, 4)]
    told[2]["subject"] = {"reference": "Patient/p2"}
    told += [make_patient("p1"), make_patient("p2")]
    for day, each in enumerate(told, start=11):
        each["meta"] = {"versionId": "1", "lastUpdated": f"2026-01-{day}T00:00:00Z"}
    return told


@pytest.fixture
def served(records: list[dict[str, Any]]) -> Iterator[FhirServer]:
    with running(FhirServer(records)) as server:
        yield server


@pytest.fixture
def waited() -> list[float]:
    """The seconds a pull would have waited."""
    return []


@pytest.fixture
def pull_from(site: Home, served: FhirServer, waited: list[float]) -> Puller:
    def go(*kinds: str, token: str = TOKEN, **asked: Any) -> tuple[Pulled, Drained]:
        access = Access(auth=Bearer(token))
        with Server(served.url, access, pauses=(1.0,), wait=waited.append) as server:
            return pull(site, server, check_kinds(kinds), draining=Draining(), wait=waited.append, **asked)

    return go


@pytest.mark.parametrize("exports", [True, False], ids=["export", "search"])
def test_all_of_a_server_comes_into_the_lake_and_nothing_stays_in_the_spool(
    site: Home, served: FhirServer, pull_from: Puller, exports: bool
) -> None:
    served.exports = exports
    done, drained = pull_from()
    assert (done.how, done.since) == ("export" if exports else "search", "")
    assert sum(run.rows.get("person", 0) for run in drained.runs) == 2
    assert sum(run.rows.get("measurement", 0) for run in drained.runs) == 3
    assert not [path for path in (site.root / "spool").rglob("*.*json") if path.is_file()]
    assert all("Martin" not in text and "IPP" not in text for text in served.asked)


@pytest.mark.parametrize("exports", [True, False], ids=["export", "search"])
def test_the_next_pull_asks_for_what_changed_since(
    served: FhirServer, pull_from: Puller, records: list[dict[str, Any]], exports: bool
) -> None:
    served.exports = exports
    first, _ = pull_from()
    served.asked.clear()
    corrected = records[0] | {"valueQuantity": {"value": 91, "code": "umol/L"}}
    corrected["meta"] = {"versionId": "2", "lastUpdated": "2027-01-01T00:00:00Z"}
    served.resources = [*records[1:], corrected]
    second, drained = pull_from()
    assert second.since == first.until != ""
    assert any("_since=" in text or "_lastUpdated=ge" in text for text in served.asked)
    assert [(run.records.accepted, run.records.replaced) for run in drained.runs] == [(1, 1)]
    if exports:
        assert first.until == TRANSACTION_TIME


def test_all_is_asked_for_again_if_one_says_so(served: FhirServer, pull_from: Puller) -> None:
    pull_from()
    _, drained = pull_from(since="")
    assert [run.records.duplicates for run in drained.runs] == [5]


def test_what_a_server_deleted_leaves_the_lake(served: FhirServer, pull_from: Puller) -> None:
    pull_from()
    served.deleted = ["Observation/o1"]
    served.resources = []
    _, drained = pull_from()
    assert [(run.records.accepted, run.records.replaced) for run in drained.runs] == [(1, 1)]


@pytest.mark.parametrize(("exports", "stops_at"), [(True, "files/Patient"), (False, "Observation")])
def test_a_pull_that_broke_off_goes_on_where_it_was(
    served: FhirServer, pull_from: Puller, waited: list[float], exports: bool, stops_at: str
) -> None:
    served.exports = exports
    served.fail = {stops_at: [503, 503]}
    with pytest.raises(Answered):
        pull_from()
    asked, served.asked = served.asked, []
    done, _ = pull_from()
    assert done.resumed
    assert not any("$export" in text for text in served.asked)
    fetched = [text for text in asked if text not in served.asked]
    if exports:
        assert "files/Observation?since=" in served.asked
    else:
        assert "Patient?_count=200" in fetched
    assert waited[-1] == 1.0


def test_an_export_is_waited_for_as_long_as_the_server_says(
    served: FhirServer, pull_from: Puller, waited: list[float]
) -> None:
    pull_from()
    assert waited == [7.0, 7.0]


def test_an_export_the_server_forgot_is_begun_again(served: FhirServer, pull_from: Puller) -> None:
    served.fail = {"files/Patient": [503, 503, 404]}
    with pytest.raises(Answered):
        pull_from()
    done, drained = pull_from()
    assert not done.resumed
    assert sum(run.rows.get("measurement", 0) for run in drained.runs) == 3


def test_an_export_that_failed_is_begun_again_next_time(served: FhirServer, pull_from: Puller) -> None:
    served.fail = {"status/1": [500]}
    with pytest.raises(Answered, match="500"):
        pull_from()
    done, _ = pull_from()
    assert not done.resumed


def test_only_the_kinds_asked_for_are_fetched(served: FhirServer, pull_from: Puller) -> None:
    _, drained = pull_from("Patient")
    assert [dict(run.rows) for run in drained.runs] == [{"person": 2}]
    with pytest.raises(UnknownName):
        check_kinds(["Pateint"])
    assert check_kinds(["Observation", "Patient"]) == ("Patient", "Observation")


def test_a_token_that_is_refused_ends_the_pull_and_is_not_repeated(pull_from: Puller) -> None:
    with pytest.raises(Answered) as caught:
        pull_from(token="wrong-token")
    assert caught.value.status == 401
    assert "wrong-token" not in str(caught.value)


@pytest.mark.parametrize("exports", [True, False], ids=["export", "search"])
def test_an_address_on_another_host_is_shown_no_token(
    served: FhirServer, pull_from: Puller, exports: bool
) -> None:
    served.exports = exports
    with running(FhirServer([])) as other:
        served.elsewhere = other.url
        with pytest.raises(InputError, match="another scheme, host or port"):
            pull_from()
        assert other.asked == []


def test_a_group_needs_a_server_with_exports(served: FhirServer, pull_from: Puller) -> None:
    pull_from(group="lung")
    assert served.asked[0].startswith("Group/lung/$export?")
    served.exports = False
    with pytest.raises(InputError, match="group"):
        pull_from(group="liver")


def test_what_is_kept_between_pulls_is_the_owners_alone(site: Home, pull_from: Puller) -> None:
    pull_from()
    [kept] = (site.root / "pulled").iterdir()
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert json.loads(kept.read_bytes()) == {"covered": TRANSACTION_TIME, "position": None}


def test_a_last_page_that_is_its_own_next_is_not_asked_for_ever(
    served: FhirServer, pull_from: Puller, waited: list[float]
) -> None:
    served.exports = served.last_page = False
    with pytest.raises(Unreachable, match="something else"):
        pull_from("Patient")
    assert waited == []


def test_a_server_that_asks_for_no_pause_is_left_one_all_the_same(
    served: FhirServer, pull_from: Puller, waited: list[float]
) -> None:
    served.retry_after = "0"
    pull_from("Patient")
    assert waited == [1.0, 1.0]


def test_a_portals_page_is_no_file_of_an_export_and_the_next_pull_has_the_file(
    served: FhirServer, pull_from: Puller
) -> None:
    served.portal = True
    with pytest.raises(Unreachable, match="something else"):
        pull_from("Patient")
    served.portal = False
    done, drained = pull_from("Patient")
    assert (done.resumed, drained.as_json()["quarantined"]) == (True, 0)
    assert drained.as_json()["accepted"] == 1


def test_an_answer_that_is_no_fhir_says_so_without_quoting_it(site: Home, served: FhirServer) -> None:
    with (
        Server(f"{served.url}/files", Access(auth=Bearer(TOKEN)), pauses=()) as server,
        pytest.raises(Unreachable, match="Broken"),
    ):
        pull(site, server, ("Patient",), draining=Draining())


@pytest.mark.parametrize(
    ("told", "instant"),
    [("2026-01-31", "2026-01-31T00:00:00+00:00"), ("2026-01-31T10:00:00Z", "2026-01-31T10:00:00+00:00")],
)
def test_an_instant_has_a_time_zone(told: str, instant: str) -> None:
    assert check_instant(told) == instant
    with pytest.raises(InputError):
        check_instant("last Tuesday")
