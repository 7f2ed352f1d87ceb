"""Every object says what was done to it, in the Standard's own codes and words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydicom import Dataset
from pydicom.sr.codedict import codes
from reference_path import deidentify

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.policy.compilation import compile_policy, load_policy
from federim_pipelines.deidentify.policy.files import NAMES
from federim_pipelines.deidentify.policy.policy import OPTION_CODES, Policy
from federim_pipelines.deidentify.policy.stamp import stamp

MakeDataset = Callable[..., Dataset]

# Option → pydicom's name of its concept in CID 7050.
CONCEPTS = {
    "clean_pixel_data": "CleanPixelDataOption",
    "clean_graphics": "CleanGraphicsOption",
    "clean_structured_content": "CleanStructuredContentOption",
    "clean_descriptors": "CleanDescriptorsOption",
    "retain_longitudinal_full_dates": "RetainLongitudinalTemporalInformationFullDatesOption",
    "retain_longitudinal_modified_dates": "RetainLongitudinalTemporalInformationModifiedDatesOption",
    "retain_patient_characteristics": "RetainPatientCharacteristicsOption",
    "retain_device_identity": "RetainDeviceIdentityOption",
    "retain_uids": "RetainUidsOption",
    "retain_safe_private": "RetainSafePrivateOption",
    "retain_institution_identity": "RetainInstitutionIdentityOption",
}


def _codes(policy: Policy) -> list[tuple[str, ...]]:
    stamped = {tag: value for tag, _, value in stamp(policy)}
    return [tuple(value for _, _, value in item) for item in stamped[0x00120064]]


@pytest.mark.parametrize("option", sorted(OPTION_CODES))
def test_each_option_is_stamped_with_the_code_and_meaning_of_cid_7050(option: str) -> None:
    profile, applied = _codes(compile_policy("one", frozenset({option}), {}))
    basic, concept = codes.DCM.BasicApplicationConfidentialityProfile, getattr(codes.DCM, CONCEPTS[option])
    assert CONCEPTS[option] in codes.cid7050.dir()
    assert profile == (basic.value, "DCM", basic.meaning)
    assert applied == (concept.value, "DCM", concept.meaning)


@pytest.mark.parametrize("name", NAMES)
def test_the_codes_stamped_are_those_of_the_options_in_force(
    name: str, make_dataset: MakeDataset, subject: Subject
) -> None:
    policy = load_policy(name)
    clean = deidentify(make_dataset(), subject, policy)
    assert clean.PatientIdentityRemoved == "YES"
    assert clean.DeidentificationMethod == f"Federim policy {policy.digest[:16]}"
    assert [item.CodeValue for item in clean.DeidentificationMethodCodeSequence] == [
        "113100",
        *sorted(OPTION_CODES[option] for option in policy.options),
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("research", "MODIFIED"),
        ("basic", "MODIFIED"),
        ("longitudinal-full-dates", "UNMODIFIED"),
        ("strict", "REMOVED"),
    ],
)
def test_what_is_said_of_dates_is_what_became_of_them(
    name: str, said: str, make_dataset: MakeDataset, subject: Subject
) -> None:
    clean = deidentify(make_dataset(StudyDate="20240229"), subject, load_policy(name))
    assert clean.LongitudinalTemporalInformationModified == said
    became = {"MODIFIED": "20231121", "UNMODIFIED": "20240229", "REMOVED": ""}
    assert (clean.StudyDate or "") == became[said]


def test_what_an_object_said_of_itself_before_is_overwritten(
    make_dataset: MakeDataset, subject: Subject, policy: Policy
) -> None:
    earlier = make_dataset(
        DeidentificationMethod="by hand, by Mme Kergoat", LongitudinalTemporalInformationModified="UNMODIFIED"
    )
    clean = deidentify(earlier, subject, policy)
    assert clean.DeidentificationMethod.startswith("Federim policy")
    assert clean.LongitudinalTemporalInformationModified == "MODIFIED"


def test_the_stamp_is_in_the_order_of_tags_and_the_same_each_time() -> None:
    stamped = stamp(load_policy())
    assert [tag for tag, _, _ in stamped] == sorted(tag for tag, _, _ in stamped)
    assert stamped == stamp(load_policy())
