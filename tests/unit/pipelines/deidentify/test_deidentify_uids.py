"""UIDs become keyed, the Standard's own stay."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID, UID_dictionary

from federim_pipelines.deidentify.uids import keyed_uid

KEYS = st.binary(min_size=32, max_size=32)
TEXTS = st.text(min_size=1, max_size=80)


@given(KEYS, TEXTS)
def test_a_keyed_uid_is_short_valid_and_repeatable(key: bytes, uid: str) -> None:
    made = keyed_uid(key, uid)
    assert made == keyed_uid(key, uid)
    assert re.fullmatch(r"2\.25\.(0|[1-9][0-9]{0,38})", made)
    assert UID(made).is_valid


@given(KEYS, KEYS, TEXTS)
def test_two_keys_make_unrelated_uids(first: bytes, second: bytes, uid: str) -> None:
    assert (keyed_uid(first, uid) == keyed_uid(second, uid)) is (first == second)


def test_every_uid_of_the_standard_stays() -> None:
    assert all(keyed_uid(bytes(32), uid) == uid for uid in UID_dictionary)


@pytest.mark.parametrize("uid", ["1.2.840.10008.5.1.4.1.1.66.7", "1.2.840.10008.1.2.8.1"])
def test_a_class_younger_than_the_dictionary_stays(uid: str) -> None:
    assert keyed_uid(bytes(32), uid) == uid


@pytest.mark.parametrize(
    "uid", ["1.2.840.10008.77889966", "1.2.840.10008.5.1.4.1.1.2.19520314", "1.2.840.100081.1"]
)
def test_an_instance_uid_under_the_standards_root_is_keyed(uid: str) -> None:
    assert keyed_uid(bytes(32), uid).startswith("2.25.")
