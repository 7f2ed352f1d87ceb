"""Who a record is about is believed as far as it was checked, whatever source tells it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from clinical_messages import Result, Someone, cda_biology, fhir_bundle, merge, oru

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim_pipelines.items import Reason
from federim_pipelines.run import ingest

TEST, DEMONSTRATION = "1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.11"
SOMEONE = Someone.born(1971, 9, 5)
DAY = dt.datetime(2024, 2, 1, 9)

Write = Callable[[Someone, list[Result]], bytes]
SOURCES: dict[str, Write] = {"FHIR": fhir_bundle, "HL7 v2": oru, "CDA": cda_biology}


def told(home: Home, sql: str) -> list[dict[str, Any]]:
    with connect_home(home) as connection:
        rows: list[dict[str, Any]] = query(connection, sql, seconds=60).to_pylist()
    return rows


def put(inbox: Path, *contents: bytes) -> list[Path]:
    for place, content in enumerate(contents):
        (inbox / f"{place}").write_bytes(content)
    return [inbox]


@pytest.mark.parametrize("oid", [TEST, DEMONSTRATION])
@pytest.mark.parametrize("source", SOURCES)
def test_an_ins_that_is_nobodys_is_refused_but_in_test_mode(
    site: Home, inbox: Path, source: str, oid: str
) -> None:
    paths = put(inbox, SOURCES[source](replace(SOMEONE, oid=oid), [Result(DAY, 80)]))
    refused = ingest(site, paths)
    assert set(refused.reasons) <= {Reason.IDENTITY_REFUSED, Reason.PATIENT_UNKNOWN}
    assert refused.reasons[Reason.IDENTITY_REFUSED] and refused.rows.keys() <= {"quarantine"}
    taken = ingest(site, paths, test_identities=True)
    assert (taken.accepted, taken.reasons, taken.rows["measurement"]) == (1, {}, 1)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("said", "doubts"),
    [
        ({"birth": dt.date(1971, 10, 17)}, "birth"),
        ({"birth": dt.date(1981, 9, 17)}, "birth"),
        ({"sex": "M"}, "sex"),
        ({"birth": dt.date(1952, 1, 2), "sex": "M"}, "birth sex"),
        ({"birth": dt.date(1971, 9, 30)}, None),  # an INS does not tell the day
    ],
)
def test_an_ins_that_contradicts_its_record_is_flagged_and_links_nobody(
    site: Home, inbox: Path, source: str, said: dict[str, Any], doubts: str | None
) -> None:
    report = ingest(site, put(inbox, SOURCES[source](replace(SOMEONE, **said), [Result(DAY, 80)])))
    assert (report.accepted, report.rows["measurement"]) == (1, 1)
    [person] = told(site, "SELECT identity_doubts, linked FROM person")
    assert person == {"identity_doubts": doubts, "linked": doubts is None}


def test_a_real_report_whose_ins_contradicts_its_birth_date_is_flagged(site: Home, shared_data: Path) -> None:
    """The one document of the DRIMbox samples, which a message brings too: born in 1948, and in 1979."""
    paths = [shared_data / "drimbox" / name for name in ("DOC00002.xml", "patient1.hl7")]
    report = ingest(site, paths, test_identities=True)
    assert (report.read, report.quarantined) == (2, 0)
    assert told(site, "SELECT identity_doubts, linked FROM person") == [
        {"identity_doubts": "birth", "linked": False}
    ]
    assert told(site, "SELECT count(*) AS n FROM report JOIN report_study USING (report_id)") == [{"n": 1}]


@pytest.mark.parametrize("source", ["FHIR", "HL7 v2"])
def test_an_ins_that_was_not_checked_joins_no_two_records(site: Home, inbox: Path, source: str) -> None:
    """Two numbers of the hospital beside one INS that somebody typed."""
    one = replace(SOMEONE, status="PROV")
    other = replace(one, ipp="F99999")
    write = SOURCES[source]
    ingest(site, put(inbox, write(one, [Result(DAY, 80)]), write(other, [Result(DAY, 90)])))
    assert [row["linked"] for row in told(site, "SELECT linked FROM person")] == [False, False]


def test_a_checked_ins_is_one_person_at_every_site(make_home: Callable[..., Home], inbox: Path) -> None:
    """A site knows the person by another number, but has the same token for the project to derive from."""
    paths = put(inbox, oru(SOMEONE, [Result(DAY, 80)]), cda_biology(SOMEONE, [Result(DAY, 90)]))
    home = make_home()
    ingest(home, paths)
    [person] = told(home, "SELECT person_id, linked FROM person")
    assert person["linked"] is True
    assert {row["person_id"] for row in told(home, "SELECT person_id FROM measurement")} == {
        person["person_id"]
    }


def test_the_same_number_of_two_registers_is_two_persons_where_the_site_names_its_own(
    make_home: Callable[..., Home], inbox: Path
) -> None:
    """A city laboratory counts its patients from 1 as well."""
    ours = replace(SOMEONE, status="PROV")
    theirs = Someone.born(1938, 1, 9, ipp=ours.ipp, status="PROV")
    elsewhere = oru(theirs, [Result(DAY, 90)]).replace(
        b"CHU&1.2.250.1.999.1&ISO", b"LABO&1.2.250.1.999.2&ISO"
    )
    home = make_home(registers=("1.2.250.1.999.1",))
    ingest(home, put(inbox, oru(ours, [Result(DAY, 80)]), elsewhere))
    assert [row["year_of_birth"] for row in told(home, "SELECT year_of_birth FROM person ORDER BY 1")] == [
        1938,
        1971,
    ]


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_two_numbers_that_are_merged_are_one_person_in_any_order(
    site: Home, inbox: Path, order: tuple[int, ...]
) -> None:
    stays = replace(SOMEONE, status="PROV")
    goes = replace(stays, ipp="F00777")
    messages = [oru(stays, [Result(DAY, 80)]), oru(goes, [Result(DAY, 90)], order="C-2"), merge(stays, goes)]
    report = ingest(site, put(inbox, *(messages[which] for which in order)))
    assert not report.reasons
    assert len({row["person_id"] for row in told(site, "SELECT person_id FROM measurement")}) == 1


def test_a_run_that_meets_two_registers_says_so_unless_the_site_lists_its_own(
    make_home: Callable[..., Home], tmp_path: Path
) -> None:
    messages = tmp_path / "messages"
    messages.mkdir()
    for number, register in enumerate(("CHU-X", "CHU-Y")):
        (messages / f"{number}.hl7").write_text(
            "MSH|^~\\&|A|B|C|D|20260101||ADT^A28^ADT_A05|1|T|2.5\r"
            f"PID|1||00000{number}^^^{register}&1.2.250.9.{number}&ISO^PI||FICTIF^PATIENT||19700101|F\r"
        )
    assert ingest(make_home("careless"), [messages]).registers == 2
    assert ingest(make_home("careful", registers=("1.2.250.9.0",)), [messages]).registers == 0
