"""A policy honours each column of the Standard's table for each row, and refuses what contradicts itself."""

from __future__ import annotations

import json
from importlib import resources
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.model.errors import InputError, UnknownName
from federim_pipelines.deidentify.dictionaries import keyword_of, tag_of, vr_of
from federim_pipelines.deidentify.dispositions import Disposition, Dispositions, Said
from federim_pipelines.deidentify.policy.attributes import DATES_OF_NO_PATIENT
from federim_pipelines.deidentify.policy.compilation import basic_action, compile_policy, load_policy
from federim_pipelines.deidentify.policy.files import NAMES
from federim_pipelines.deidentify.policy.policy import OPTION_CODES, Action, Policy, why_not_in_a_lake
from federim_pipelines.deidentify.policy.table import profile_table

FULL, MODIFIED = "retain_longitudinal_full_dates", "retain_longitudinal_modified_dates"
DATES = ("DA", "DT", "TM")
# The Standard's own rows, read without Federim's reader.
ROWS = json.loads(
    (resources.files("federim_pipelines.deidentify.standard") / "ps315_2026d.json").read_text(
        encoding="utf-8"
    )
)["rules"]
LISTED = {int(row["tag"], 16): row for row in ROWS if row["tag"] != "PRIVATE" and "x" not in row["tag"]}
SETS_OF_OPTIONS = st.frozensets(st.sampled_from(sorted(OPTION_CODES)))


def _tag(keyword: str) -> int:
    tag = tag_of(keyword)
    assert tag is not None, keyword
    return tag


def _compiled(*options: str) -> Policy:
    return compile_policy("test", frozenset(options), {})


def test_the_table_is_whole_and_names_its_source() -> None:
    table = profile_table()
    assert table.edition == "2026d"
    assert "NEMA" in table.attribution
    assert len(table.rules) == len({rule.tag for rule in table.rules}) == 657
    assert {part for rule in table.rules for part in rule.basic.split("/")} == {"X", "Z", "D", "U", "U*"}
    assert table.options | {"clean_pixel_data"} == set(OPTION_CODES)


def test_without_an_option_each_row_has_the_action_that_is_valid_for_every_type() -> None:
    policy = _compiled()
    said = {"X": Action.REMOVE, "Z": Action.EMPTY, "D": Action.REPLACE, "U": Action.UID, "U*": Action.KEEP}
    # No kind of object requires these sequences, nor lets them be empty.
    optional = {
        *("InstitutionCodeSequence", "OperatorIdentificationSequence", "WaveformAnnotationSequence"),
        "ReferencedStudySequence",
    }
    references = "ReferencedPerformedProcedureStepSequence"  # required in reports, and no empty one in images
    for tag, row in LISTED.items():
        action = said[row["basic"].rsplit("/", 1)[-1]]
        if keyword_of(tag) == references:
            action = Action.KEEP
        assert policy.action(tag) is (Action.REMOVE if keyword_of(tag) in optional else action), row
        assert policy.action(tag) is basic_action(tag)


@pytest.mark.parametrize("option", sorted(OPTION_CODES))
def test_each_option_honours_its_column_and_touches_no_other_row(option: str) -> None:
    alone, basic = _compiled(option), _compiled()
    for tag, row in LISTED.items():
        code, vr, action = row["options"].get(option), vr_of(tag), alone.action(tag)
        if tag == _tag("PatientBirthDate") and option == "retain_patient_characteristics":
            assert action is Action.YEAR
        elif vr in DATES:
            # What is said of dates, the options about dates say: see the test of real dates below.
            if option == FULL and code == "K":
                assert action is Action.KEEP
            elif option == MODIFIED and code == "C" and tag not in DATES_OF_NO_PATIENT:
                assert action is Action.DATE
            else:
                assert action is basic.action(tag)
        elif vr in ("OB", "OW", "UN") or code is None or option == MODIFIED or (code, vr) == ("C", "AE"):
            assert action is basic.action(tag), row
        elif code == "K" or vr == "SQ":
            assert action is Action.KEEP, row
        else:
            assert action is Action.CLEAN, row


def test_what_no_option_can_clean_falls_back_to_the_basic_profile() -> None:
    """Bytes and a device's network name have no words to choose from; a UTC offset has no days to move."""
    policy = _compiled("clean_descriptors", "retain_device_identity", MODIFIED)
    fallen = ("MakerNote", "DeviceSettingDescription", "StationAETitle", "FrameOriginTimestamp")
    for keyword in (*fallen, "DestinationAE", "TimezoneOffsetFromUTC", "CertifiedTimestamp"):
        assert policy.action(_tag(keyword)) is basic_action(_tag(keyword)), keyword


@given(SETS_OF_OPTIONS)
def test_any_set_of_options_compiles_or_is_refused(options: frozenset[str]) -> None:
    if {FULL, MODIFIED} <= options:
        with pytest.raises(InputError, match="contradict each other"):
            compile_policy("any", options, {})
        return
    policy, basic = compile_policy("any", options, {}), _compiled()
    assert policy.actions.keys() >= LISTED.keys()
    assert (Action.DATE in policy.actions.values()) is policy.moves_dates
    for tag, row in LISTED.items():
        codes = {row["options"][option] for option in options & row["options"].keys()}
        if vr_of(tag) in DATES or vr_of(tag) in ("OB", "OW", "UN"):
            continue
        if "K" in codes:
            assert policy.action(tag) is Action.KEEP, "to keep is stronger than to clean"
        elif not codes:
            assert policy.action(tag) is basic.action(tag)


def test_a_date_that_is_the_same_for_every_patient_is_never_moved_nor_kept_beside_moved_ones() -> None:
    """It is published or known on the ward: beside its moved value it would tell the shift."""
    policy = _compiled(MODIFIED, "retain_device_identity")
    assert len(DATES_OF_NO_PATIENT) > 25
    for tag in DATES_OF_NO_PATIENT:
        assert policy.action(tag) in (Action.REMOVE, Action.EMPTY, Action.REPLACE)
    kept = [tag for tag, action in policy.actions.items() if action is Action.KEEP and vr_of(tag) in DATES]
    assert not kept


def test_full_dates_keep_every_date_but_those_of_birth() -> None:
    policy = load_policy("longitudinal-full-dates")
    for tag in LISTED:
        if vr_of(tag) in DATES:
            born = {_tag("PatientBirthDate"): Action.YEAR, _tag("PatientBirthTime"): Action.REMOVE}
            alone = {_tag("GPSTimeStamp"): Action.REMOVE}
            assert policy.action(tag) is (born | alone).get(tag, Action.KEEP)
    assert policy.action(_tag("TimezoneOffsetFromUTC")) is Action.KEEP


@pytest.mark.parametrize("tag", [0x50003000, 0x501E0010, 0x60003000, 0x60023000, 0x60FE4000])
@pytest.mark.parametrize("name", NAMES)
def test_curves_and_overlays_go_whatever_their_number(name: str, tag: int) -> None:
    assert load_policy(name).action(tag) is Action.REMOVE


@pytest.mark.parametrize(
    ("keyword", "action"),
    [
        ("PatientName", Action.EMPTY),
        ("PatientBirthDate", Action.YEAR),
        ("PatientAge", Action.KEEP),
        ("PatientSex", Action.KEEP),
        ("PatientAddress", Action.REMOVE),
        ("Allergies", Action.CLEAN),
        ("PreMedication", Action.CLEAN),
        ("StudyDescription", Action.CLEAN),
        ("ProtocolName", Action.CLEAN),
        ("InstitutionName", Action.REPLACE),
        ("RequestingService", Action.REMOVE),
        ("StudyID", Action.EMPTY),
        ("AccessionNumber", Action.EMPTY),
        ("SOPInstanceUID", Action.UID),
        ("DeviceUID", Action.UID),
        ("ReferencedImageSequence", Action.KEEP),
        ("ContentSequence", Action.KEEP),
        ("GraphicAnnotationSequence", Action.KEEP),
        ("UnformattedTextValue", Action.CLEAN),
        ("StudyDate", Action.DATE),
        ("StudyTime", Action.DATE),
        ("RadiopharmaceuticalStartDateTime", Action.DATE),
        ("BeamHoldTransitionDateTime", Action.DATE),
        ("TimezoneOffsetFromUTC", Action.REMOVE),
        ("DateOfManufacture", Action.REMOVE),
        ("DateOfGainCalibration", Action.REMOVE),  # not in the table
        ("IconImageSequence", Action.REMOVE),
        ("SourceManufacturer", Action.KEEP),
        ("DeviceDescription", Action.CLEAN),
        ("Manufacturer", None),
        ("SliceThickness", None),
    ],
)
def test_what_research_does(keyword: str, action: Action | None) -> None:
    assert load_policy().action(_tag(keyword)) is action


def test_research_keeps_a_devices_model_and_nothing_that_tells_one_device_from_another() -> None:
    policy = load_policy()
    column = [tag for tag, row in LISTED.items() if "retain_device_identity" in row["options"]]
    assert len(column) == 59
    kept = {tag for tag in column if policy.action(tag) is Action.KEEP}
    models = ("LensMake", "LensModel", "LensSpecification", "SourceManufacturer")
    assert kept == {
        *map(_tag, models),
        _tag("ManufacturerDeviceClassUID"),
        _tag("TransducerIdentificationSequence"),
    }


@pytest.mark.parametrize("name", NAMES)
def test_what_is_made_of_size_and_weight_goes_with_them(name: str) -> None:
    policy = load_policy(name)
    removed = "retain_patient_characteristics" not in policy.options
    for keyword in ("PatientBodyMassIndex", "PatientSizeCodeSequence"):  # neither is in the table
        assert (policy.action(_tag(keyword)) is Action.REMOVE) is removed


def test_strict_keeps_no_text_date_or_description() -> None:
    policy = load_policy("strict")
    sequences = ("ReferencedImageSequence", "ReferencedPerformedProcedureStepSequence", "SourceImageSequence")
    references = {_tag(keyword) for keyword in sequences}
    assert {tag for tag, action in policy.actions.items() if action is Action.KEEP} == references
    assert not {Action.CLEAN, Action.DATE, Action.YEAR} & set(policy.actions.values())


@pytest.mark.parametrize("name", NAMES)
def test_only_moved_dates_and_keyed_uids_enter_a_lake(name: str) -> None:
    assert (why_not_in_a_lake(load_policy(name)) is None) is (name != "longitudinal-full-dates")
    assert "keyed UIDs only" in (why_not_in_a_lake(_compiled("retain_uids")) or "")


@pytest.mark.parametrize(
    ("keyword", "action", "options", "says"),
    [
        ("StudyDate", Action.KEEP, {MODIFIED}, "how far the others were moved"),
        ("DateOfLastCalibration", Action.KEEP, {MODIFIED}, "how far the others were moved"),
        ("StudyDate", Action.DATE, set(), MODIFIED),
        ("PatientName", Action.KEEP, set(), "writes it anew"),
        ("SOPInstanceUID", Action.REMOVE, set(), "writes it anew"),
        ("FrameOfReferenceUID", Action.KEEP, set(), "retain_uids"),
        ("FrameOfReferenceUID", Action.YEAR, set(), "only PatientBirthDate"),
        ("StudyDate", Action.YEAR, {MODIFIED}, "a real year beside moved dates"),
        ("MediaStorageSOPInstanceUID", Action.EMPTY, set(), "writes it anew"),
        ("PatientWeight", Action.UID, set(), "DS is no UID"),
        ("PatientWeight", Action.CLEAN, set(), "DS is no text"),
        ("ReferencedStudySequence", Action.CLEAN, set(), "SQ is no text"),
        ("EncapsulatedDocument", Action.KEEP, set(), "bytes"),
        ("MakerNote", Action.KEEP, set(), "bytes"),
    ],
)
def test_an_attribute_that_cannot_be_treated_as_asked_is_refused_with_the_reason(
    keyword: str, action: Action, options: set[str], says: str
) -> None:
    with pytest.raises(InputError, match=f"attributes.{keyword} = {action.value}: .*{says}"):
        compile_policy("asked", frozenset(options), {_tag(keyword): action})


def test_overlays_cannot_be_kept() -> None:
    with pytest.raises(InputError, match="OverlayData = keep: curves and overlays go"):
        compile_policy("asked", frozenset(), {0x60003000: Action.KEEP})


def test_an_unknown_option_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="'clean_descriptors'"):
        _compiled("clean_descriptor")


def test_dispositions_need_the_option_that_lets_private_attributes_stay() -> None:
    site = Dispositions({("ACME 1", 0x00290010): Said(Disposition.KEEP, "IS")})
    with pytest.raises(InputError, match="switch option retain_safe_private on"):
        compile_policy("test", frozenset(), {}, dispositions=site)
    assert compile_policy("test", frozenset({"retain_safe_private"}), {}, dispositions=site)


OVERRIDES = st.dictionaries(
    st.sampled_from([_tag(keyword) for keyword in ("PatientWeight", "ProtocolName", "StationName", "KVP")]),
    st.sampled_from([Action.KEEP, Action.REMOVE, Action.EMPTY]),
)
POLICIES = st.builds(
    compile_policy,
    st.sampled_from(["one", "two"]),
    SETS_OF_OPTIONS.filter(lambda options: not {FULL, MODIFIED} <= options),
    OVERRIDES,
    oldest_birth_year=st.sampled_from([1930, 1936]),
    finds_names=st.booleans(),
    denied=st.frozensets(st.sampled_from(["GENOU", "PIED"])),
)


def _treatment(policy: Policy) -> tuple[object, ...]:
    dated = policy.oldest_birth_year if Action.YEAR in policy.actions.values() else None
    return policy.options, dict(policy.actions), dated, policy.finds_names, policy.denied


@given(POLICIES, POLICIES)
def test_digests_differ_exactly_where_treatments_do(one: Policy, other: Policy) -> None:
    assert (one.digest == other.digest) is (_treatment(one) == _treatment(other))


def test_the_digests_of_the_packages_policies_all_differ() -> None:
    for one, other in combinations(NAMES, 2):
        assert load_policy(one).digest != load_policy(other).digest


def test_dispositions_are_part_of_the_digest() -> None:
    options = frozenset({"retain_safe_private"})
    digests = {
        compile_policy(
            "test", options, {}, dispositions=Dispositions({("ACME 1", 0x00290010): Said(word, "IS")})
        ).digest
        for word in (Disposition.KEEP, Disposition.DELETE)
    }
    assert len(digests | {compile_policy("test", options, {}).digest}) == 3


def test_what_is_required_is_replaced_where_cleaning_leaves_nothing() -> None:
    """The profile says D of what some kind of object must have a value of."""
    required = load_policy().must_not_be_empty
    assert {_tag("RTPlanLabel"), _tag("ProtocolName"), _tag("ContrastBolusAgent")} <= required
    assert not {_tag("StudyDescription"), _tag("ROIName"), _tag("PatientName")} & required
