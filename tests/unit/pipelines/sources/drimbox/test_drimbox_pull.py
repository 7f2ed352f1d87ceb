"""A site follows manifests at a DRIMbox, and each answer of the source has its ending."""

from __future__ import annotations

import pytest
from dicomweb_store import scan
from drimbox_hospital import SERIES, Hospital
from made_manifests import INS, NIR, manifest

from federim.home import Home
from federim.identity.exchange import Exchange
from federim.model.identifiers import IdentityStatus, Ins, Ipp, LocalId, NationalId, PatientIdentity, Subject
from federim_pipelines.sources.drimbox.consumer import SENTENCES, Ending
from federim_pipelines.sources.drimbox.pull import NO_IDENTITY, SUPERSEDED
from federim_pipelines.spool import Spool

QUALIFIED = NationalId(oid=NIR, value=Ins(INS), status=IdentityStatus.QUALIFIED)


def known(home: Home, identity: PatientIdentity) -> Subject | None:
    with Exchange.open(home) as exchange:
        return exchange.find(identity)


@pytest.mark.parametrize("where", [{}, {"location": "1.2.40.0.34"}])
def test_what_a_manifest_names_enters_the_lake(hospital: Hospital, where: dict[str, str]) -> None:
    [done] = hospital.follow(hospital.publish(**where))
    assert done.endings == {Ending.RETRIEVED: 2}
    assert (done.instances, done.unnamed, done.unlinked) == (3, 0, 0)
    assert hospital.instances == 3
    assert [run["accepted"] for run in hospital.runs] == [3]


def test_the_ins_of_the_manifest_and_the_number_at_the_source_are_one_person(hospital: Hospital) -> None:
    hospital.follow(hospital.publish())
    by_ins = known(hospital.site, PatientIdentity(national=QUALIFIED))
    by_number = known(hospital.site, PatientIdentity(local=(LocalId(issuer="chu-nord", value=Ipp("IPP-7")),)))
    assert by_ins is not None
    assert by_ins == by_number
    assert by_ins.linked
    assert hospital.instances_of(f"person_id = '{by_ins.person_id}'") == 3
    # The same number in the site's own register is somebody else's.
    own = PatientIdentity(local=(LocalId(issuer="", value=Ipp("IPP-7")),))
    assert known(hospital.site, own) is None


def test_images_that_bear_the_ins_itself_are_linked_too(hospital: Hospital) -> None:
    hospital.stock(scan("1.2.3.2.1", series="1.2.3.2", patient=INS, IssuerOfPatientID="ASIP-SANTE-INS-NIR"))
    [done] = hospital.follow(hospital.publish(series={"1.2.3.2": ["1.2.3.2.1"]}))
    assert done.unlinked == 0
    by_ins = known(hospital.site, PatientIdentity(national=QUALIFIED))
    assert by_ins is not None
    assert hospital.instances_of(f"person_id = '{by_ins.person_id}'") == 1


def test_an_image_that_bears_another_ins_is_not_given_to_the_manifests_patient(hospital: Hospital) -> None:
    other = "157102B00400122"
    hospital.stock(scan("1.2.3.2.1", series="1.2.3.2", patient=other, IssuerOfPatientID="ASIP-SANTE-INS-NIR"))
    [done] = hospital.follow(hospital.publish())
    assert done.unlinked == 1
    by_ins = known(hospital.site, PatientIdentity(national=QUALIFIED))
    assert by_ins is not None
    assert hospital.instances_of(f"person_id = '{by_ins.person_id}'") == 2


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        (400, Ending.MALFORMED),
        (403, Ending.UNAUTHORISED),
        (404, Ending.UNKNOWN),
        (406, Ending.MALFORMED),
        (410, Ending.GONE),
        (500, Ending.FAILED),
        (503, Ending.FAILED),
    ],
)
def test_each_status_has_its_ending(hospital: Hospital, status: int, ending: Ending) -> None:
    hospital.source.fates["1.2.3.2"] = status
    [done] = hospital.follow(hospital.publish())
    assert done.endings == {Ending.RETRIEVED: 1, ending: 1}
    assert hospital.instances == 2
    del hospital.source.fates["1.2.3.2"]
    [done] = hospital.follow(hospital.publish())
    assert done.endings == {Ending.KNOWN: 1, Ending.RETRIEVED: 1}
    assert hospital.instances == 3


def test_a_token_the_source_does_not_take_is_not_shown_for_every_series(hospital: Hospital) -> None:
    hospital.source.active = lambda _: False
    [done] = hospital.follow(hospital.publish())
    assert done.endings == {Ending.UNAUTHORISED: 2}
    assert hospital.source.asked == ["1.2.3.1", "1.2.3.1"]  # the second with a new token
    assert hospital.provider.given == 2


def test_a_revoked_token_is_replaced_and_the_pull_goes_on(hospital: Hospital) -> None:
    asked: list[str] = []

    def active(token: str) -> bool:
        asked.append(token)
        return len(asked) != 2

    hospital.source.active = active
    [done] = hospital.follow(hospital.publish())
    assert done.endings == {Ending.RETRIEVED: 2}


def test_a_manifest_that_is_not_the_current_one_is_unknown_at_the_source(hospital: Hospital) -> None:
    old = hospital.publish("1.2.9.1")
    hospital.publish("1.2.9.2")
    [done] = hospital.follow(old)
    assert done.endings == {Ending.UNKNOWN: 2}


def test_a_series_elsewhere_is_not_asked_for(hospital: Hospital) -> None:
    elsewhere = hospital.publish(url=hospital.url.replace("/drimbox", "/admin"))
    [done] = hospital.follow(elsewhere)
    assert done.endings == {Ending.NOT_ALLOWED: 2}
    assert hospital.source.asked == []
    assert hospital.provider.given == 0


def test_fewer_instances_than_named_is_incomplete_and_asked_for_again(hospital: Hospital) -> None:
    named = {"1.2.3.1": [*SERIES["1.2.3.1"], "1.2.3.1.3"]}
    [done] = hospital.follow(hospital.publish(series=named))
    assert done.endings == {Ending.INCOMPLETE: 1}
    hospital.stock(scan("1.2.3.1.3"))
    [done] = hospital.follow(hospital.publish(series=named))
    assert done.endings == {Ending.RETRIEVED: 1}
    assert hospital.instances == 3


def test_more_instances_than_named_are_not_kept(hospital: Hospital) -> None:
    [done] = hospital.follow(hospital.publish(series={"1.2.3.1": ["1.2.3.1.1"]}))
    assert (done.instances, done.unnamed) == (1, 1)
    assert hospital.instances == 1


def test_a_manifest_that_replaces_another_takes_back_what_it_names_no_more(hospital: Hospital) -> None:
    first = hospital.publish("1.2.9.1")
    hospital.follow(first)
    second = hospital.publish("1.2.9.2", {"1.2.3.1": ["1.2.3.1.1"]})
    [done] = hospital.follow(second)
    assert done.withdrawn == 2
    assert hospital.instances == 1
    [done] = hospital.follow(first)
    assert done.refused == SUPERSEDED
    assert hospital.instances == 1


def test_the_order_in_which_manifests_are_given_does_not_matter(hospital: Hospital) -> None:
    first = hospital.publish("1.2.9.1", at="20260301120000")
    second = hospital.publish("1.2.9.2", {"1.2.3.1": ["1.2.3.1.1"]}, at="20260302120000")
    done = hospital.follow(second, first, second)
    assert [one.refused for one in done] == ["", SUPERSEDED, ""]
    assert hospital.instances == 1


def test_a_manifest_that_names_more_brings_more(hospital: Hospital) -> None:
    hospital.follow(hospital.publish("1.2.9.1"))
    hospital.stock(scan("1.2.3.1.3"))
    named = {**SERIES, "1.2.3.1": [*SERIES["1.2.3.1"], "1.2.3.1.3"]}
    [done] = hospital.follow(hospital.publish("1.2.9.2", named))
    assert done.endings == {Ending.RETRIEVED: 1, Ending.KNOWN: 1}
    assert (done.withdrawn, hospital.instances) == (0, 4)


@pytest.mark.parametrize("title", ["113001", "113037", "113038", "113039"])
def test_a_rejection_note_withdraws_what_it_names_for_good(hospital: Hospital, title: str) -> None:
    published = hospital.publish()
    hospital.follow(published)
    note = manifest({"1.2.3": {"1.2.3.1": ["1.2.3.1.2"]}}, uid="1.2.9.7", title=title)
    [done] = hospital.follow(note)
    assert (done.withdrawn, hospital.instances) == (1, 2)
    # A source that still gives it does not bring it back.
    again = hospital.publish("1.2.9.8", at="20260401120000")
    hospital.site.pulled.unlink()
    hospital.follow(again)
    assert hospital.instances == 2
    assert hospital.follow(note)[0].withdrawn == 0


def test_a_selection_of_some_images_takes_back_none(hospital: Hospital) -> None:
    hospital.follow(hospital.publish())
    of_interest = hospital.publish("1.2.9.5", {"1.2.3.1": ["1.2.3.1.1"]}, title="113000")
    [done] = hospital.follow(of_interest)
    assert (done.withdrawn, hospital.instances) == (0, 3)


@pytest.mark.parametrize(
    "told",
    [
        {"authority": "1.2.250.1.213.1.4.10"},
        {"authority": "1.2.250.1.213.1.4.11"},
        {"ins": "280067510009773"},
    ],
)
def test_a_manifest_of_an_ins_that_is_not_taken_asks_for_nothing(
    hospital: Hospital, told: dict[str, str]
) -> None:
    [done] = hospital.follow(hospital.publish(**told))
    assert done.refused == NO_IDENTITY
    assert hospital.source.asked == []


def test_neither_the_manifest_nor_what_it_says_stays_in_the_home(hospital: Hospital) -> None:
    hospital.follow(hospital.publish())
    spool = Spool(hospital.site, "drimbox-chu-nord")
    assert (spool.waiting, spool.kept) == ([], [])
    secrets = [INS.encode(), b"KERVADEC", b"ACQ99812", b"1.2.9.1", b"1.2.3.1.1", b"IPP-7"]
    for path in hospital.site.root.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [secret for secret in secrets if secret in content], path.name


def test_every_ending_has_its_sentence() -> None:
    assert SENTENCES.keys() == set(Ending)
