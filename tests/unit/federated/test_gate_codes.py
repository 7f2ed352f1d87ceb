"""Every code a site can send has one public sentence, and none of them can hold a value."""

from __future__ import annotations

from federim_federated.codes import PUBLIC_SENTENCE, GateCode, Refused


def test_every_code_has_a_public_sentence():
    assert PUBLIC_SENTENCE.keys() == set(GateCode)


def test_no_two_codes_say_the_same():
    assert len(set(PUBLIC_SENTENCE.values())) == len(GateCode)


def test_no_sentence_has_room_for_a_value():
    for sentence in PUBLIC_SENTENCE.values():
        assert "{" not in sentence and "%" not in sentence


def test_codes_are_clear_of_flowers_own():
    assert min(GateCode) > 100


def test_a_refusal_says_its_sentence_and_nothing_else():
    for code in GateCode:
        assert str(Refused(code)) == PUBLIC_SENTENCE[code]
