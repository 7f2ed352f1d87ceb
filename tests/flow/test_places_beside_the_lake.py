"""Who objects is found in every place beside the lake that may hold something of them, and others stay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from byte_search import find
from clinical_messages import Result, Someone, admission, fhir_bundle, oru
from far_key_server import FarKeyServer
from hospital_that_forgets import image_of

from federim.cli.rights import places
from federim.governance.rights.erasure import forget
from federim.governance.rights.record import ErasureRecord
from federim.home import Home
from federim.identity.exchange import Exchange
from federim.identity.rights import Rights
from federim.model.identifiers import Ipp, LocalId, PatientIdentity
from federim_pipelines import pictures
from federim_pipelines.forgetting.beside import renamed
from federim_pipelines.parked.counts import counted
from federim_pipelines.parked.lot import ParkingLot
from federim_pipelines.parked.resuming import resume
from federim_pipelines.review import Review
from federim_pipelines.run import ingest
from federim_pipelines.sources.drimbox.history import History

AT = dt.datetime(2024, 5, 18, 8, 30)
ONE = Someone.born(1951, 2, 301, ipp="IPP-88000001")
ANOTHER = Someone.born(1962, 3, 302, ipp="IPP-88000002")


def forgotten(home: Home, someone: Someone) -> ErasureRecord:
    with Rights.open(home) as rights:
        whom = rights.find.by_ins(someone.ins)
        return forget(home, rights, whom, outside=places(rights), actor="operator")


@pytest.fixture(scope="module")
def key_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarKeyServer]:
    server = FarKeyServer(tmp_path_factory.mktemp("far"))
    yield server
    server.stop()


def test_what_waits_for_the_key_server_goes_by_whatever_number_it_bears(
    make_home: Callable[..., Home], key_server: FarKeyServer, inbox: Path
) -> None:
    home = make_home(**key_server.settings("alpha"))
    for someone in (ONE, ANOTHER):
        (inbox / f"{someone.ipp}.hl7").write_bytes(admission(someone, AT, stay="S1"))
        (inbox / f"{someone.ipp}.json").write_bytes(fhir_bundle(someone, [Result(at=AT, number=70.0)]))
        image_of(inbox / f"{someone.ipp}.dcm", someone, 1)
    # A file that speaks of both waits for the other.
    both = oru(ONE, [Result(at=AT, number=1.0)]) + b"\r" + oru(ANOTHER, [Result(at=AT, number=2.0)])
    (inbox / "both.hl7").write_bytes(both)
    ingest(home, [inbox])
    before = sum(1 for bay in ParkingLot(home).bays() for _ in bay.waiting())
    assert before >= 5
    done = forgotten(home, ONE)
    assert done.elsewhere["parked"]["objects"] >= 2
    key_server.start()
    try:
        resume(home)
    finally:
        key_server.stop()
    assert not counted(home).waiting
    with Exchange.open(home) as exchange:
        found = exchange.find(PatientIdentity(local=(LocalId(issuer="", value=Ipp(ANOTHER.ipp)),)))
    assert found is not None
    assert find(home.root, [ONE.ins, ONE.ipp]) == []


def test_texts_that_only_their_images_have_go(site: Home, inbox: Path) -> None:
    import pydicom

    for someone, words in ((ONE, "ABDOMEN ARTERIAL"), (ANOTHER, "THORAX")):
        for number in (1, 2):
            path = image_of(inbox / f"{someone.ipp}-{number}.dcm", someone, number)
            header = pydicom.dcmread(path)
            header.SeriesDescription, header.ProtocolName = words, "CHEST"
            header.save_as(path)
        (inbox / f"{someone.ipp}.hl7").write_bytes(admission(someone, AT, stay="S1"))
    ingest(site, [inbox])
    with Review(site) as review:
        before = {text.text for text in review.texts()}
    assert {"ABDOMEN ARTERIAL", "THORAX", "CHEST"} <= before
    forgotten(site, ONE)
    with Review(site) as review:
        after = {text.text for text in review.texts()}
    assert before - after == {"ABDOMEN ARTERIAL"}
    assert find(site.root, ["ABDOMEN ARTERIAL"]) == []


def test_pictures_and_manifests_are_found_under_every_name(site: Home, inbox: Path) -> None:
    for someone in (ONE, ANOTHER):
        (inbox / f"{someone.ipp}.hl7").write_bytes(admission(someone, AT, stay="S1"))
    ingest(site, [inbox])
    with Rights.open(site) as rights:
        one, another = (rights.find.by_ins(each.ins).person_id for each in (ONE, ANOTHER))
    assert one is not None and another is not None
    earlier = "0" * 32
    pictures.show(site, "a" * 32, b"PNG of one", earlier)
    pictures.show(site, "b" * 32, b"PNG of another", another)
    uids = {one: "2.25.111111111111111111", another: "2.25.222222222222222222"}
    with History(site) as history:
        for person, uid in ((earlier, uids[one]), (another, uids[another])):
            history._connection.execute(
                "INSERT INTO named (study, record, uid, person) VALUES (?, ?, ?, ?)",
                (uid.encode(), uid.encode(), uid, history._person(person)),
            )
    renamed(site, earlier, one)
    done = forgotten(site, ONE)
    assert done.elsewhere["pictures"]["pictures"] == done.elsewhere["pulled"]["instances"] == 1
    assert [path.name[:32] for path in site.pictures.iterdir()] == ["b" * 32]
    assert find(site.root, [uids[one]]) == []
    assert {hit.where for hit in find(site.root, [uids[another]])} >= {"sqlite"}
