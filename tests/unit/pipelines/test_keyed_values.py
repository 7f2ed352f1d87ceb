"""What is keyed for one subject can be keyed anew for another, from what was remembered of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from two_subjects import NEW, OLD, RECORD_KEY, Person

from federim_pipelines import keying
from federim_pipelines.keying import Keying, Originals, keyed_anew, names_a_record
from federim_pipelines.rekeying import Rekeying

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(TEXTS, TEXTS, TEXTS, st.lists(TEXTS, max_size=3))
def test_every_kind_of_value_is_keyed_anew(uid: str, number: str, name: str, parts: list[str]) -> None:
    def made(keying: Keying) -> list[str | None]:
        return [
            keying.uid(uid),
            keying.accession(number),
            keying.drawing(name),
            keying.record(RECORD_KEY, "hl7v2", "result", *parts).hex(),
        ]

    person = Person()
    before, after = made(person.old), made(person.new)
    change = person.rekeying()
    assert [value and change.value(value) for value in before] == after
    assert {change.value(value) for value in before if value} == change.anew().keys()


def test_a_uid_of_the_standard_stands_for_itself() -> None:
    person = Person()
    assert person.old.uid("1.2.840.10008.1.2.1") == "1.2.840.10008.1.2.1"
    assert person.rekeying().originals == {}


def test_an_original_is_the_uid_as_it_was() -> None:
    person = Person()
    made = person.old.uid("1.2.3")
    assert person.rekeying().originals == {made: "1.2.3"}


def test_what_was_never_keyed_stays() -> None:
    assert Person().rekeying().value("2.25.7") == "2.25.7"


def test_what_looks_like_another_kind_is_still_a_uid() -> None:
    person = Person()
    made = person.old.uid("accession:1")
    assert keyed_anew(made, "accession:1", NEW, RECORD_KEY) == person.new.uid("accession:1")


def test_records_are_told_from_the_rest() -> None:
    person = Person()
    key = person.old.record(RECORD_KEY, "hl7v2", "order", "A|1").hex()
    person.old.accession("A-1")
    told = person.rekeying().originals
    assert [made for made, original in told.items() if names_a_record(original)] == [key]


def test_two_persons_with_one_number_have_two_records() -> None:
    names = [Keying(who).record(RECORD_KEY, "hl7v2", "order", "17") for who in (OLD, NEW)]
    assert names[0] != names[1]


def test_what_is_told_twice_is_gathered_once() -> None:
    person = Person()
    person.old.uid("1.2.3")
    assert person.originals.take()
    person.old.uid("1.2.3")
    assert not person.originals.take()


def test_memory_does_not_grow_with_what_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keying, "_MOST_REMEMBERED", 10)
    originals = Originals()
    for number in range(100):
        originals.tell(OLD.person_id, str(number), "1.2.3")
    assert len(originals._told) <= 10
    assert len(originals.take()[OLD.person_id]) == 100


@pytest.mark.parametrize(
    ("vr", "told", "moved"),
    [
        ("DA", "20231122", "20240124"),
        ("DT", "20231122101530+0100", "20240124101530+0100"),
        ("DT", "202312", "202402"),
        ("DT", "2023", "2023"),
        ("DA", "18000101", "18000101"),
        ("DT", "18000101000000", "18000101000000"),
        ("DA", "", ""),
    ],
)
def test_a_date_moves_by_the_difference(vr: str, told: str, moved: str) -> None:
    change = Rekeying(old=OLD, new=NEW, originals={}, record_key=RECORD_KEY)
    assert change.date(vr, told) == moved
