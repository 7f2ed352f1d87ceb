"""The vault's part of a person's rights: the list, the journal, and what sites tell each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from federim.home import Home
from federim.identity import ins
from federim.identity.exchange import Exchange
from federim.identity.keyserver import create_key_file
from federim.identity.rights import ProjectKey, Rights, Word
from federim.model.errors import IdentityError, Opposed
from federim.model.identifiers import IdentityStatus, Ipp, LocalId, NationalId, PatientIdentity, Pseudonym

INS = ins.with_key("2600175123456")
LATE = ins.with_key("2700175123456")


def known_by(*numbers: str, national: str = "", oid: str = ins.NIR) -> PatientIdentity:
    return PatientIdentity(
        local=tuple(LocalId(issuer="", value=Ipp(number)) for number in numbers),
        national=NationalId(oid=oid, value=ins.Ins(national), status=IdentityStatus.QUALIFIED)
        if national
        else None,
    )


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    create_key_file(tmp_path / "oprf.key")
    return tmp_path / "oprf.key"


@pytest.fixture
def alpha(make_home: Callable[..., Home], key_file: Path) -> Home:
    return make_home(key_server=f"embedded:{key_file}")


@pytest.fixture
def beta(make_home: Callable[..., Home], key_file: Path) -> Home:
    return make_home("beta", key_server=f"embedded:{key_file}")


@pytest.fixture
def exchange(alpha: Home) -> Iterator[Exchange]:
    with Exchange.open(alpha) as opened:
        yield opened


@pytest.fixture
def rights(alpha: Home) -> Iterator[Rights]:
    with Rights.open(alpha) as opened:
        yield opened


def erase(rights: Rights, number: str) -> None:
    begun = rights.oppose(rights.find.by_ipp(number), actor="olga")
    rights.complete(rights.forget(begun, "vault"))


def test_every_number_of_a_person_finds_them(exchange: Exchange, rights: Rights) -> None:
    person = exchange.learn(known_by("1", national=INS)).person_id
    assert rights.find.by_ipp("1").person_id == person
    assert rights.find.by_ins(f"{INS[:5]} {INS[5:]}").person_id == person
    assert rights.find.by_pseudonym(person).person_id == person
    key = ProjectKey(project="p", key=bytes(range(32)))
    [pseudonym] = exchange.project_pseudonyms([person], key.key).values()
    assert rights.find.by_pseudonym(pseudonym, [key]).person_id == person
    assert rights.find.by_pseudonym(pseudonym).person_id is None


def test_an_ins_that_came_unqualified_finds_its_bearer_too(exchange: Exchange, rights: Rights) -> None:
    told = NationalId(oid=ins.NIR, value=INS, status=IdentityStatus.PROVISIONAL)
    person = exchange.learn(PatientIdentity(national=told)).person_id
    assert rights.find.by_ins(INS).person_id == person


def test_whoever_objects_is_refused_by_each_number_and_by_those_told_beside(
    alpha: Home, exchange: Exchange, rights: Rights
) -> None:
    exchange.learn(known_by("1", "2", national=INS))
    erase(rights, "1")
    with Exchange.open(alpha) as later:
        for told in (known_by("2"), known_by(national=INS), known_by("2", "3"), known_by("3")):
            with pytest.raises(Opposed):
                later.learn(told)
        later.learn(known_by("4"))


def test_one_number_lifts_what_all_were_listed_by(alpha: Home, exchange: Exchange, rights: Rights) -> None:
    exchange.learn(known_by("1", "2", national=INS))
    erase(rights, "1")
    with Exchange.open(alpha) as later, pytest.raises(Opposed):
        later.learn(known_by("2", "3"))
    assert rights.restore(rights.find.by_ipp("3")).digests >= 5
    with Exchange.open(alpha) as later:
        assert later.learn(known_by("1")).person_id
        assert later.learn(known_by(national=INS)).person_id


def test_two_who_object_are_lifted_apart(alpha: Home, exchange: Exchange, rights: Rights) -> None:
    for number in ("1", "2"):
        exchange.learn(known_by(number))
        erase(rights, number)
    rights.restore(rights.find.by_ipp("1"))
    with Exchange.open(alpha) as later:
        later.learn(known_by("1"))
        with pytest.raises(Opposed):
            later.learn(known_by("2"))


def test_whoever_was_never_met_may_object(alpha: Home, rights: Rights) -> None:
    erase(rights, "77")
    with Exchange.open(alpha) as exchange, pytest.raises(Opposed):
        exchange.learn(known_by("77"))


def test_nobody_unknown_objects_to_one_project_or_by_a_pseudonym(rights: Rights) -> None:
    with pytest.raises(IdentityError):
        rights.oppose(rights.find.by_ipp("77"), Word("p"), actor="olga")
    with pytest.raises(IdentityError):
        rights.oppose(rights.find.by_pseudonym("0" * 32), actor="olga")
    assert rights.pending() == []


def test_an_opposition_to_a_project_follows_whoever_gets_another_pseudonym(
    exchange: Exchange, rights: Rights
) -> None:
    before = exchange.learn(known_by("1")).person_id
    rights.complete(rights.oppose(rights.find.by_ipp("1"), Word("p"), actor="olga"))
    after = exchange.learn(known_by("1", national=INS)).person_id
    assert after != before
    assert rights.opposed_to("p", [after, Pseudonym("0" * 32)]) == {after}
    assert rights.opposed_to("q", [after]) == frozenset()


def test_who_waits_for_a_late_link_is_erased_under_both_names(exchange: Exchange, rights: Rights) -> None:
    before = exchange.learn(known_by("1")).person_id
    after = exchange.learn(known_by("1", national=INS)).person_id
    erasure = rights.oppose(rights.find.by_ipp("1"), actor="olga")
    assert erasure.persons == (after, before)
    rights.complete(rights.forget(erasure, "vault"))
    assert exchange.rewritings() == []


def test_the_same_call_goes_on_with_what_was_begun(exchange: Exchange, rights: Rights) -> None:
    exchange.learn(known_by("1", national=INS))
    begun = rights.oppose(rights.find.by_ipp("1"), actor="olga")
    noted = rights.note(begun, "lake", {"rows": 3})
    assert rights.oppose(rights.find.by_ins(INS), actor="olga") == noted
    gone = rights.forget(noted, "vault")
    assert rights.find.by_ipp("1").person_id is None
    assert rights.oppose(rights.find.by_pseudonym(begun.persons[0]), actor="olga") == gone
    rights.complete(gone)
    assert rights.pending() == []


def test_what_a_site_tells_is_understood_by_who_knows_the_person_and_by_nobody_else(
    exchange: Exchange, rights: Rights, beta: Home
) -> None:
    exchange.learn(known_by("1", national=INS))
    erasure = rights.oppose(rights.find.by_ipp("1"), actor="olga")
    notices = rights.notices(rights.tokens(erasure), "beta")
    assert set(notices).isdisjoint(rights.notices(rights.tokens(erasure), "gamma"))
    word = Word(told_by="alpha")
    with Exchange.open(beta) as other, Rights.open(beta) as theirs:
        person = other.learn(known_by("b-1", national=INS)).person_id
        other.learn(known_by("b-2", national=LATE))
        [begun] = theirs.told(notices, word, actor="olga")
        assert begun.persons == (person,) and begun.word == word
        theirs.complete(theirs.forget(begun, "vault"))
        assert theirs.restore(theirs.find.by_ins(INS)).digests == 0, "it is another site's word"
        assert theirs.untold(notices, word) > 0
    with Exchange.open(beta) as other:
        assert other.learn(known_by("b-1", national=INS)).person_id == person


def test_a_local_person_is_nobody_elsewhere(exchange: Exchange, rights: Rights) -> None:
    exchange.learn(known_by("1"))
    assert rights.tokens(rights.oppose(rights.find.by_ipp("1"), actor="olga")) == ()
