"""A site writes its policy in TOML: what it may say, and how it is told where it went wrong."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from federim.model.errors import InputError, UnknownName
from federim_pipelines.deidentify.dictionaries import tag_of
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.policy.files import DEFAULT, NAMES, read_policy_file
from federim_pipelines.deidentify.policy.policy import Action


def _written(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_policy_of_the_package_is_read_by_its_name_and_research_is_the_default() -> None:
    folder = resources.files("federim_pipelines.deidentify.policy.named")
    assert {file.name for file in folder.iterdir() if file.name.endswith(".toml")} == {
        f"{n}.toml" for n in NAMES
    }
    assert all(load_policy(name).name == name for name in NAMES)
    assert load_policy() == load_policy(DEFAULT) == load_policy("research")


def test_every_word_research_has_of_its_own_changes_something() -> None:
    for name in NAMES:
        assert load_policy(name).overridden == read_policy_file(name).attributes.keys()


def test_full_dates_are_research_but_for_the_dates() -> None:
    research, full = load_policy("research"), load_policy("longitudinal-full-dates")
    assert (research.overridden, research.oldest_birth_year) == (full.overridden, full.oldest_birth_year)
    assert research.options - full.options == {"retain_longitudinal_modified_dates"}
    assert full.options - research.options == {"retain_longitudinal_full_dates"}


def test_a_file_switches_options_and_single_attributes(tmp_path: Path) -> None:
    policy = load_policy(
        _written(
            tmp_path,
            'name = "pet"\n[options]\n'
            "retain_longitudinal_modified_dates = false\nretain_institution_identity = true\n"
            '[attributes]\nPatientWeight = "keep"\n00101020 = "empty"\n[text]\nfind_names = true\n',
        )
    )
    assert policy.name == "pet"
    assert policy.finds_names and not policy.moves_dates
    assert policy.action(0x00101030) is Action.KEEP
    assert policy.action(0x00101020) is Action.EMPTY
    assert policy.action(0x00080020) is Action.EMPTY  # StudyDate, Z without the option
    assert policy.action(0x00080080) is Action.KEEP  # InstitutionName
    assert policy.codes == ("113100", "113112")


def test_a_file_that_says_nothing_is_basic_under_its_own_name(tmp_path: Path) -> None:
    policy = load_policy(_written(tmp_path, ""))
    assert (policy.name, policy.digest) == ("site", load_policy("basic").digest)


def test_a_file_changes_the_policy_it_is_based_on_and_leaves_the_rest(tmp_path: Path) -> None:
    policy = load_policy(
        _written(
            tmp_path,
            'base = "research"\noldest_birth_year = 1930\n[options]\nretain_safe_private = false\n'
            '[attributes]\nStationName = "keep"\nPatientSex = "basic"\n',
        )
    )
    research = load_policy("research")
    assert policy.options == research.options - {"retain_safe_private"}
    assert policy.oldest_birth_year == 1930
    changed = {tag for tag in research.actions if policy.actions[tag] is not research.actions[tag]}
    assert changed == {tag_of("StationName"), tag_of("PatientSex")}
    assert policy.action(0x00081010) is Action.KEEP
    assert policy.action(0x00100040) is Action.EMPTY


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("[options]\nclean_descriptor = true", UnknownName, "site.toml, options, .*'clean_descriptors'"),
        (
            '[options]\nretain_uids = "yes"',
            InputError,
            "site.toml, options.retain_uids: .*true or false.*'yes'",
        ),
        ('[attributes]\nPatientWeigth = "keep"', UnknownName, "site.toml, attributes, .*'PatientWeight'"),
        ('[attributes]\n00291010 = "keep"', UnknownName, "public DICOM attribute in policy site.toml"),
        ('[attributes]\n0029zzzz = "keep"', UnknownName, "public DICOM attribute in policy site.toml"),
        (
            '[attributes]\nPatientWeight = "kept"',
            UnknownName,
            "site.toml, attributes.PatientWeight, .*'keep'",
        ),
        ("[attributes]\nPatientWeight = true", UnknownName, "site.toml, attributes.PatientWeight"),
        ('[attributes]\nKVP = "basic"', InputError, "attributes.KVP: the Basic Profile does not list it"),
        ('[attributes]\nKVP = "keep"\n00180060 = "keep"', InputError, "attributes.00180060: the same as KVP"),
        ('[attributes]\nStudyDate = "keep"', InputError, "attributes.StudyDate = keep: a real date"),
        ('[attributes]\n00181234 = "keep"', InputError, "attributes.00181234 = keep: no dictionary knows it"),
        ("option = 1", UnknownName, "setting of policy site.toml .*'options'"),
        ("options = 1", InputError, r"site.toml, options: expected a table, \[options\]; found 1"),
        ("attributes = []", InputError, "site.toml, attributes: expected a table"),
        ("text = 2", InputError, "site.toml, text: expected a table"),
        ("[text]\nfind_name = true", UnknownName, "site.toml, text, .*'find_names'"),
        ("[text]\nfind_names = 1", InputError, "site.toml, text.find_names: expected true or false; found 1"),
        ("name = 3", InputError, "site.toml, name: expected a text; found 3"),
        ('base = "reserach"', UnknownName, "base of policy site.toml .*'research'"),
        ("oldest_birth_year = 36", InputError, "site.toml, oldest_birth_year: .*1850 to 2100.*found 36"),
        ("oldest_birth_year = true", InputError, "oldest_birth_year: .*found True"),
        ('oldest_birth_year = "1936"', InputError, "oldest_birth_year: .*found '1936'"),
        ("name = ", InputError, "site.toml: not valid TOML"),
    ],
)
def test_a_file_that_cannot_be_applied_says_where_and_why(
    tmp_path: Path, text: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        load_policy(_written(tmp_path, text))


def test_a_file_of_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes('name = "hôpital"'.encode("latin-1"))
    with pytest.raises(InputError, match=r"site.toml: expected TOML in UTF-8"):
        load_policy(path)


@pytest.mark.parametrize("name", ["reserch", "nowhere.toml"])
def test_an_unknown_policy_is_named_with_those_there_are(name: str) -> None:
    with pytest.raises(UnknownName, match="research"):
        load_policy(name)


def test_a_folder_is_no_policy(tmp_path: Path) -> None:
    with pytest.raises(UnknownName):
        load_policy(tmp_path)
