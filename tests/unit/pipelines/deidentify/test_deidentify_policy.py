"""The Standard's table, and what a policy compiles from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.sr.codedict import codes

from federim.model.errors import InputError, UnknownName
from federim_pipelines.deidentify.policy import Action, compile_policy, load_policy
from federim_pipelines.deidentify.table import profile_table


def _action(keyword: str) -> Action | None:
    tag = tag_for_keyword(keyword)
    assert tag is not None
    return load_policy().action(tag)


def test_the_table_is_whole_and_names_its_source() -> None:
    table = profile_table()
    assert table.edition == "2026d"
    assert "NEMA" in table.attribution
    assert len(table.rules) == 657
    assert len({rule.tag for rule in table.rules}) == 657
    assert {part for rule in table.rules for part in rule.basic.split("/")} == {"X", "Z", "D", "U", "U*"}


@pytest.mark.parametrize(
    ("keyword", "action"),
    [
        ("PatientName", Action.EMPTY),
        ("PatientID", Action.REPLACE),  # Z/D
        ("PatientBirthDate", Action.EMPTY),
        ("PatientAddress", Action.REMOVE),
        ("StudyDescription", Action.REMOVE),
        ("ProtocolName", Action.REPLACE),  # X/D
        ("InstitutionName", Action.REPLACE),  # X/Z/D
        ("RequestedProcedureDescription", Action.EMPTY),  # X/Z
        ("SOPInstanceUID", Action.UID),
        ("ReferencedImageSequence", Action.KEEP),  # X/Z/U*
        ("StudyDate", Action.DATE),
        ("AcquisitionDateTime", Action.DATE),
        ("StudyTime", Action.DATE),
        ("TimezoneOffsetFromUTC", Action.REMOVE),
        ("DateOfManufacture", Action.REMOVE),
        ("ContextGroupVersion", Action.REPLACE),
        ("IconImageSequence", Action.REMOVE),
        ("SliceThickness", None),
    ],
)
def test_what_basic_does(keyword: str, action: Action | None) -> None:
    assert _action(keyword) is action


@pytest.mark.parametrize("tag", [0x50003000, 0x501E0010, 0x60003000, 0x60023000, 0x60FE4000])
def test_repeating_groups_are_matched_whatever_their_number(tag: int) -> None:
    assert load_policy().action(tag) is Action.REMOVE


def test_a_date_that_is_the_same_for_every_patient_is_never_moved() -> None:
    """It is published or known on the ward: beside its moved value it would tell the shift."""
    for keyword in ("DateOfInstallation", "DateOfLastCalibration", "TemplateVersion", "CalibrationDateTime"):
        assert _action(keyword) is not Action.DATE


def test_the_stamped_codes_are_the_standards_words() -> None:
    stamped = load_policy().codes
    assert stamped == (
        codes.DCM.BasicApplicationConfidentialityProfile.value,
        codes.DCM.RetainLongitudinalTemporalInformationModifiedDatesOption.value,
    )


def test_a_file_switches_options_and_single_attributes(tmp_path: Path) -> None:
    path = tmp_path / "pet.toml"
    path.write_text(
        'name = "pet"\n[options]\n'
        "retain_longitudinal_modified_dates = false\nretain_institution_identity = true\n"
        '[attributes]\nPatientWeight = "keep"\n00101020 = "empty"\n'
    )
    policy = load_policy(path)
    assert policy.name == "pet"
    assert not policy.moves_dates
    assert policy.action(0x00101030) is Action.KEEP
    assert policy.action(0x00101020) is Action.EMPTY
    assert policy.action(0x00080020) is Action.EMPTY  # StudyDate, Z without the option
    assert policy.action(0x00080080) is Action.KEEP  # InstitutionName
    assert policy.codes == ("113100", "113112")


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("[options]\nclean_descriptors = true", InputError, "clean"),
        ("[options]\nretain_patient_characteristics = true", InputError, "version cannot do"),
        ("[options]\nretain_uids = true", InputError, "keyed UIDs only"),
        ("[options]\nretain_longitudinal_full_dates = true", InputError, "moved dates only"),
        ("[options]\nclean_descriptor = true", UnknownName, "'clean_descriptors'"),
        ('[options]\nretain_institution_identity = "yes"', InputError, "true or false"),
        ('[attributes]\nPatientWeigth = "keep"', UnknownName, "PatientWeight"),
        ('[attributes]\n00291010 = "keep"', UnknownName, "public DICOM attribute"),
        ('[attributes]\nPatientWeight = "kept"', UnknownName, "'keep'"),
        ("option = 1", UnknownName, "'options'"),
        ("options = 1", InputError, "table"),
        ("name = ", InputError, "TOML"),
    ],
)
def test_a_policy_that_cannot_be_applied_says_why(
    tmp_path: Path, text: str, error: type[Exception], says: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(error, match=says):
        load_policy(path)


def test_an_unknown_policy_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="'basic'"):
        load_policy("basik")


def test_the_digest_changes_with_what_is_done_and_with_nothing_else() -> None:
    basic = load_policy()
    assert compile_policy("another name", basic.options, {}).digest == basic.digest
    assert compile_policy("basic", basic.options, {0x00101030: Action.KEEP}).digest != basic.digest
    assert compile_policy("basic", frozenset(), {}).digest != basic.digest
