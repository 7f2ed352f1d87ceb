"""Which kinds of object enter under which policy, by their header alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydicom import Dataset
from pydicom.dataelem import DataElement

from federim_pipelines.deidentify.classes import REFUSED, why_refused
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.policy.policy import OPTION_CODES, Policy

MakeDataset = Callable[..., Dataset]

STORAGE = "1.2.840.10008.5.1.4.1.1."
BASIC, RESEARCH = load_policy("basic"), load_policy("research")

NEVER = {
    "8": "overlay",
    "9": "curve",
    "9.4.1": "audio",
    "66": "raw data",
    "68.1": "surface scan",
    "77.1.4": "photograph",
    "77.1.4.1": "photograph",
    "88.2": "audio",
    "88.59": "manifest",
    "104.1": "encapsulated",
    "104.2": "encapsulated",
    "104.3": "encapsulated",
    "129": "curve",
    "131": "structured display",
    "200.1": "protocol",
    "201.1": "inventory",
    "501.3": "no patient's",
    "601.1": "no patient's",
}
CLEANED = {
    "3.1": "ultrasound",
    "6.1": "ultrasound",
    "7": "secondary capture",
    "7.4": "secondary capture",
    "77.1.1": "endoscopy",
    "11.1": "presentation state",
    "88.11": "structured report",
    "88.67": "structured report",
}


@pytest.mark.parametrize(("arc", "word"), NEVER.items())
@pytest.mark.parametrize("policy", [BASIC, RESEARCH], ids=lambda policy: policy.name)
def test_kinds_that_nothing_cleans_stay_out(
    make_dataset: MakeDataset, policy: Policy, arc: str, word: str
) -> None:
    assert word in (why_refused(make_dataset(SOPClassUID=STORAGE + arc), policy) or "")


@pytest.mark.parametrize(("arc", "word"), CLEANED.items())
def test_kinds_made_of_text_enter_only_where_the_policy_cleans_them(
    make_dataset: MakeDataset, arc: str, word: str
) -> None:
    dataset = make_dataset(SOPClassUID=STORAGE + arc)
    assert word in (why_refused(dataset, BASIC) or "")
    assert why_refused(dataset, RESEARCH) is None


@pytest.mark.parametrize("arc", ["2", "4", "9.1.1", "66.4", "66.7", "128", "481.3", "77.1.5.1"])
def test_kinds_made_of_pixels_and_numbers_enter(make_dataset: MakeDataset, arc: str) -> None:
    for policy in (BASIC, RESEARCH):
        assert why_refused(make_dataset(SOPClassUID=STORAGE + arc), policy) is None


@pytest.mark.parametrize("arc", ["3.1", "6.1", "77.1.1"])
def test_a_screen_enters_unread_where_it_says_that_nothing_is_written_on_it(
    make_dataset: MakeDataset, arc: str
) -> None:
    dataset = make_dataset(SOPClassUID=STORAGE + arc, BurnedInAnnotation="NO")
    assert why_refused(dataset, BASIC) is None


def test_what_is_written_on_a_picture_must_be_looked_for(make_dataset: MakeDataset) -> None:
    written = make_dataset(BurnedInAnnotation="YES")
    screen = make_dataset(ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])
    assert "BurnedInAnnotation" in (why_refused(written, BASIC) or "")
    assert "ImageType" in (why_refused(screen, BASIC) or "")
    assert why_refused(written, RESEARCH) is why_refused(screen, RESEARCH) is None


@pytest.mark.parametrize("policy", [BASIC, RESEARCH], ids=lambda policy: policy.name)
def test_a_slides_label_stays_out_with_every_policy(make_dataset: MakeDataset, policy: Policy) -> None:
    label = make_dataset(ImageType=["DERIVED", "PRIMARY", "LABEL", "NONE"])
    shown = make_dataset(SpecimenLabelInImage="YES")
    assert "label" in (why_refused(label, policy) or "")
    assert "SpecimenLabelInImage" in (why_refused(shown, policy) or "")


@pytest.mark.parametrize("policy", [BASIC, RESEARCH], ids=lambda policy: policy.name)
def test_an_overlay_in_the_pixels_bits_stays_out(make_dataset: MakeDataset, policy: Policy) -> None:
    dataset = make_dataset()
    dataset.add(DataElement(0x60020102, "US", 12))
    assert "OverlayBitPosition" in (why_refused(dataset, policy) or "")
    dataset.add(DataElement(0x60023000, "OW", bytes(8)))  # its own data: removed like any other
    assert why_refused(dataset, policy) is None


@pytest.mark.parametrize("uid", ["1.3.46.670589.2.5.1.1", "1.2.840.10008.1.3.10", ""])
def test_kinds_that_are_no_patients_objects_of_the_standard_stay_out(
    make_dataset: MakeDataset, uid: str
) -> None:
    assert "not a storage class" in (why_refused(make_dataset(SOPClassUID=uid), RESEARCH) or "")


def test_each_refusal_names_an_option_there_is() -> None:
    assert {option for _, option in REFUSED.values() if option} <= OPTION_CODES.keys()
