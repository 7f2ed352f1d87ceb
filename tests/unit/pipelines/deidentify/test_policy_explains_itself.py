"""What a committee reads of a policy is true of it, whole, and the same in both languages."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from itertools import combinations
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.model.errors import UnknownName
from federim_pipelines.deidentify.classes import REFUSED
from federim_pipelines.deidentify.dictionaries import keyword_of, tag_of, vr_of
from federim_pipelines.deidentify.dispositions import Disposition, Dispositions, Said
from federim_pipelines.deidentify.policy.compilation import compile_policy, load_policy
from federim_pipelines.deidentify.policy.explain import LANGUAGES, explain
from federim_pipelines.deidentify.policy.files import NAMES
from federim_pipelines.deidentify.policy.policy import OPTION_CODES, Action, Policy
from federim_pipelines.deidentify.policy.table import profile_table

README = (Path(__file__).parents[4] / "README.md").read_text(encoding="utf-8")
FULL, MODIFIED = "retain_longitudinal_full_dates", "retain_longitudinal_modified_dates"
GONE = {Action.REMOVE, Action.EMPTY, Action.REPLACE}
# Pieces of sentences, no sentences of their own.
PIECES = {"counted", "said", "then", "attribute", "is", "are"}

SETS_OF_OPTIONS = st.frozensets(st.sampled_from(sorted(OPTION_CODES))).filter(
    lambda options: not {FULL, MODIFIED} <= options
)


@cache
def _phrases(lang: str) -> dict[str, Any]:
    file = resources.files("federim_pipelines.deidentify.policy.phrases") / f"{lang}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _tag(keyword: str) -> int:
    tag = tag_of(keyword)
    assert tag is not None, keyword
    return tag


def _says(policy: Policy, key: str, lang: str = "en") -> bool:
    """Whether a policy's explanation has the sentence of that key."""
    pattern = re.sub(r"\\{\w+\\}", ".*", re.escape(_phrases(lang)[key]))
    return any(re.fullmatch(pattern, sentence) for sentence in explain(policy, lang))


def _body(policy: Policy, lang: str = "en") -> list[str]:
    """An explanation without its title, which has the fingerprint."""
    return explain(policy, lang)[1:]


def _column(option: str) -> list[int]:
    rules = (rule for rule in profile_table().rules if rule.is_one_attribute and option in rule.options)
    return [int(rule.tag, 16) for rule in rules]


def _actions(policy: Policy, option: str) -> set[Action]:
    return {policy.actions[tag] for tag in _column(option)}


SITE = Dispositions({("ACME 1", 0x00290010): Said(Disposition.KEEP, "IS")})


def _with_everything() -> Policy:
    return compile_policy(
        "everything",
        frozenset({"retain_safe_private", "retain_device_identity", "retain_uids", FULL}),
        {_tag("StationName"): Action.REMOVE, _tag("PatientWeight"): Action.KEEP},
        finds_names=True,
        dispositions=SITE,
        denied=frozenset({"GENOU"}),
    )


# ── The two languages ─────────────────────────────────────────────────────────────────────────────


def test_both_languages_have_the_same_phrases_with_the_same_fill_ins() -> None:
    english, french = _phrases("en"), _phrases("fr")
    assert english.keys() == french.keys()
    for key, phrase in english.items():
        if isinstance(phrase, dict):
            assert phrase.keys() == french[key].keys() == set(Action)
        else:
            fields = [{field for _, field, _, _ in Formatter().parse(text)} for text in (phrase, french[key])]
            assert fields[0] == fields[1], key


def test_no_phrase_is_there_for_nothing() -> None:
    alone = [compile_policy("one", frozenset({option}), {}) for option in OPTION_CODES]
    policies = [*map(load_policy, NAMES), *alone, _with_everything()]
    unused = [
        key
        for key in _phrases("en")
        if key not in PIECES and not any(_says(policy, key) for policy in policies)
    ]
    assert not unused


@given(SETS_OF_OPTIONS)
def test_every_policy_says_as_much_in_french_as_in_english(options: frozenset[str]) -> None:
    policy = compile_policy("any", options, {})
    english, french = explain(policy, "en", every=True), explain(policy, "fr", every=True)
    assert len(english) == len(french)
    assert not [line for line in english + french if "{" in line or "}" in line]
    for line in french:
        assert not re.search(r"\S[;:»!?]", line), "French puts a space before these"


def test_another_language_is_refused_with_those_there_are() -> None:
    assert LANGUAGES == ("en", "fr")
    with pytest.raises(UnknownName, match="no language is called 'de'"):
        explain(load_policy(), "de")


# ── Whatever changes the treatment changes the explanation ────────────────────────────────────────


@given(SETS_OF_OPTIONS, st.sampled_from(sorted(OPTION_CODES)), st.sampled_from(LANGUAGES))
def test_every_option_switched_is_said(options: frozenset[str], option: str, lang: str) -> None:
    other = options ^ {option}
    if {FULL, MODIFIED} <= other:
        return
    assert _body(compile_policy("p", options, {}), lang) != _body(compile_policy("p", other, {}), lang)


@pytest.mark.parametrize(
    "keyword", ["PatientWeight", "KVP", "SeriesDescription", "StationName", "PatientSex"]
)
def test_every_override_is_said_by_its_name(keyword: str) -> None:
    options = load_policy().options
    without = compile_policy("site", options, {})
    bodies = [_body(without)]
    for action in (Action.KEEP, Action.REMOVE, Action.EMPTY, Action.REPLACE):
        policy = compile_policy("site", options, {_tag(keyword): action})
        if action is without.action(_tag(keyword)):
            assert _body(policy) == bodies[0], "an override that overrides nothing is no news"
            continue
        bodies.append(_body(policy))
        assert any(keyword in sentence for sentence in bodies[-1])
    assert all(one != other for one, other in combinations(bodies, 2))


def test_denied_texts_dispositions_a_second_pass_and_the_oldest_year_are_said() -> None:
    options = load_policy().options
    changed: list[dict[str, Any]] = [
        {},
        {"denied": frozenset({"GENOU"})},
        {"denied": frozenset({"PIED"})},
        {"dispositions": SITE},
        {"dispositions": Dispositions({("ACME 1", 0x00290010): Said(Disposition.DELETE, "IS")})},
        {"finds_names": True},
        {"oldest_birth_year": 1930},
    ]
    bodies = [_body(compile_policy("site", options, {}, **arguments)) for arguments in changed]
    assert all(one != other for one, other in combinations(bodies, 2))
    assert not [sentence for sentence in bodies[1] if "GENOU" in sentence], "a rejected text may be a name"


@pytest.mark.parametrize("option", ["retain_patient_characteristics", "clean_descriptors"])
@pytest.mark.parametrize("action", [Action.YEAR, Action.REMOVE, Action.REPLACE, Action.KEEP])
def test_what_is_said_of_the_date_of_birth_is_the_policys_own_word(option: str, action: Action) -> None:
    options, word = frozenset({FULL, option}), {_tag("PatientBirthDate"): action}
    one, other = (compile_policy("site", options, word, oldest_birth_year=year) for year in (1930, 1936))
    for policy in (one, other):
        assert _says(policy, "birth_year") is (action is Action.YEAR)
        assert _says(policy, "birth_removed") is (action in GONE)
    assert (_body(one) == _body(other)) is (one.digest == other.digest) is (action is not Action.YEAR)


# ── The sentences are true ────────────────────────────────────────────────────────────────────────


@given(SETS_OF_OPTIONS)
def test_what_is_said_to_be_removed_is(options: frozenset[str]) -> None:
    policy = compile_policy("any", options, {})
    relatives = ("PatientMotherBirthName", "ResponsiblePerson", "PatientTelephoneNumbers", "PatientAddress")
    for keyword in ("PatientName", "PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID", *relatives):
        assert policy.action(_tag(keyword)) in GONE, "the patient's name, numbers and relatives are removed"
    people = [tag for tag in policy.actions if vr_of(tag) == "PN"]
    assert {policy.action(tag) for tag in people} <= GONE
    if _says(policy, "institution_removed"):
        assert _actions(policy, "retain_institution_identity") <= GONE
    if _says(policy, "birth_removed"):
        assert policy.action(_tag("PatientBirthDate")) in GONE
    if _says(policy, "characteristics_removed"):
        kept = {tag for tag in _column("retain_patient_characteristics") if policy.actions[tag] not in GONE}
        # A description of them is a text that a person types, of which the words of the list stay.
        assert not kept - set(_column("clean_descriptors"))
    if _says(policy, "device_removed"):
        dates = {tag for tag in _column("retain_device_identity") if vr_of(tag) in ("DA", "DT", "TM")}
        left = {tag for tag in _column("retain_device_identity") if policy.actions[tag] not in GONE}
        assert {keyword_of(tag) for tag in left - dates} <= {"DeviceUID", "ManufacturerDeviceClassUID"}
    if _says(policy, "text_removed"):
        assert _actions(policy, "clean_descriptors") & {Action.CLEAN} <= {policy.action(_tag("Allergies"))}, (
            "but for the patient's characteristics"
        )


@given(SETS_OF_OPTIONS)
def test_what_is_said_of_dates_and_uids_is_done(options: frozenset[str]) -> None:
    policy = compile_policy("any", options, {})
    dates = {policy.actions[tag] for tag in _column(MODIFIED) if vr_of(tag) in ("DA", "DT", "TM")}
    said = [key for key in ("dates_moved", "dates_kept", "dates_removed") if _says(policy, key)]
    assert len(said) == 1
    assert (
        dates
        <= {
            "dates_moved": GONE | {Action.DATE},
            "dates_kept": {Action.KEEP},
            "dates_removed": GONE,
        }[said[0]]
    )
    assert _says(policy, "birth_year") is (policy.action(_tag("PatientBirthDate")) is Action.YEAR)
    uids = {policy.action(_tag(f"{of}InstanceUID")) for of in ("SOP", "Series", "Study")}
    assert uids == {Action.KEEP if _says(policy, "uids_kept") else Action.UID}


def test_what_is_never_let_in_no_option_lets_in() -> None:
    never = {arc for arc, (_, option) in REFUSED.items() if option is None}
    assert {"9.4*", "66", "77.1.4*", "88.59", "104*"} <= never, "sound, raw data, photographs, KOS, documents"
    for key, arc in (("structured_removed", "88*"), ("graphics_removed", "11*"), ("pixels_untouched", "7*")):
        option = REFUSED[arc][1]
        assert option is not None
        assert _says(compile_policy("without", frozenset(), {}), key)
        assert not _says(compile_policy("with", frozenset({option}), {}), key)


@pytest.mark.parametrize("name", NAMES)
def test_the_counts_add_up_and_the_lines_name_every_attribute(name: str) -> None:
    policy = load_policy(name)
    (counts,) = (line for line in explain(policy) if line.startswith("What becomes of the 656 attributes"))
    assert sum(map(int, re.findall(r"(\d+) [a-z]", counts.partition("): ")[2]))) == 656
    lines = explain(policy, every=True)[len(explain(policy)) :]
    assert len(lines) == len(policy.actions) + len(policy.repeating)
    assert "(0010,0010) PatientName: emptied" in lines
    assert "(60xx,3000) …: removed" in lines


def test_two_policies_never_have_the_same_title() -> None:
    titles = {explain(load_policy(name))[0] for name in NAMES}
    assert len(titles) == len(NAMES)
    assert _with_everything().digest[:12] in explain(_with_everything())[0]


# ── README ────────────────────────────────────────────────────────────────────────────────────────


def test_what_readme_says_of_the_research_policy_is_what_it_says_itself() -> None:
    block = re.search(r"<!-- explain -->\n(.*?)<!-- /explain -->", README, flags=re.DOTALL)
    assert block is not None
    said = [
        re.sub(r"\s+", " ", sentence).strip() for sentence in re.split(r"^- ", block[1], flags=re.MULTILINE)
    ]
    sentences = explain(load_policy("research"), "fr")
    assert len(said) > 12 and not said[0]
    assert [sentence for sentence in sentences if sentence in said] == said[1:]
