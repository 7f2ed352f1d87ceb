"""Words written where numbers or a colour profile belong go, whoever they name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from reference_path import deidentify

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.policy.compilation import load_policy

MakeDataset = Callable[..., Dataset]

RESEARCH = load_policy("research")


@pytest.mark.parametrize("words", [b"Margarethe  ", b"lung Margarethe ", b"DR MARGARETHE X "])
def test_words_in_the_place_of_numbers_go(make_dataset: MakeDataset, subject: Subject, words: bytes) -> None:
    dataset = make_dataset()
    place = Tag("RationalNumeratorValue")
    dataset._dict[place] = RawDataElement(place, "SL", len(words), words, 0, False, True)
    assert place not in deidentify(dataset, subject, RESEARCH)


def test_a_colour_profile_stays_if_it_is_one_and_tells_nobody(
    make_dataset: MakeDataset, subject: Subject
) -> None:
    profile = bytes(36) + b"acsp" + bytes(88)
    kept = deidentify(make_dataset(ICCProfile=profile), subject, RESEARCH)
    assert kept.ICCProfile == profile
    named = profile + "Quéffelec ".encode("utf-16-be")
    for content in (named, bytes(36) + b"Margarethe" + bytes(82)):
        assert "ICCProfile" not in deidentify(make_dataset(ICCProfile=content), subject, RESEARCH)
