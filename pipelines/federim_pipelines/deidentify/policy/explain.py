"""A policy in sentences, for those who sign it."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, Final

from federim.keys import canonical
from federim.model.errors import UnknownName
from federim_pipelines.deidentify.dictionaries import keyword_of, tag_of
from federim_pipelines.deidentify.policy.policy import (
    BIRTH_DATE,
    DEVICE,
    INSTITUTION,
    PATIENT_CHARACTERISTICS,
    Action,
    Policy,
)
from federim_pipelines.deidentify.policy.table import profile_table
from federim_pipelines.deidentify.private import safe_attributes

LANGUAGES: Final = ("en", "fr")
_DIGITS: Final = 12  # of a fingerprint
_TELL_A_DEVICE: Final = ("DeviceSerialNumber", "DeviceUID", "StationName", "UniqueDeviceIdentifier")


def explain(policy: Policy, lang: str = "en", *, every: bool = False) -> list[str]:
    """What a policy does, one sentence a rule; with `every`, then one line an attribute it speaks of.

    Policies that treat anything differently never explain themselves alike.

    Raises
    ------
    UnknownName
        There is no such language.
    """
    if lang not in LANGUAGES:
        raise UnknownName("language", lang, LANGUAGES)
    phrases = _phrases(lang)
    sentences = [phrases[key].format(**values) for key, values in _rules(policy, phrases)]
    return sentences + (list(_attributes(policy, phrases)) if every else [])


@cache
def _phrases(lang: str) -> dict[str, Any]:
    file = resources.files("federim_pipelines.deidentify.policy.phrases") / f"{lang}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _rules(policy: Policy, phrases: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The phrases that apply, and what fills them."""
    yield "title", {"name": policy.name, "digest": policy.digest[:_DIGITS]}
    yield "identity", {}
    yield "people", {}
    yield f"institution_{'kept' if INSTITUTION in policy.options else 'removed'}", {}
    yield from _dates(policy)
    yield f"uids_{'kept' if policy.keeps_uids else 'keyed'}", {}
    yield f"text_{'cleaned' if policy.cleans_text else 'removed'}", {}
    if policy.finds_names:
        yield "text_names", {}
    yield f"codes_{'cleaned' if policy.cleans_text else 'own'}", {}
    yield "technical", {}
    yield f"private_{'safe' if policy.keeps_private else 'removed'}", {"safe": len(safe_attributes())}
    if not policy.dispositions.empty:
        digest = policy.dispositions.digest.hex()[:_DIGITS]
        yield "private_dispositions", {"count": len(policy.dispositions.of), "digest": digest}
    yield f"device_{_device(policy)}", {}
    yield f"structured_{'cleaned' if policy.cleans_structured else 'removed'}", {}
    yield f"graphics_{'cleaned' if policy.cleans_graphics else 'removed'}", {}
    yield f"pixels_{'cleaned' if policy.cleans_pixels else 'untouched'}", {}
    for key in ("faces", "kinds", "unknown", "proof"):
        yield key, {}
    yield from _own_word(policy, phrases)
    yield from _table(policy, phrases)


def _dates(policy: Policy) -> Iterator[tuple[str, dict[str, Any]]]:
    if policy.keeps_dates:
        yield "dates_kept", {}
    elif policy.moves_dates:
        yield "dates_moved", {}
        yield "dates_of_no_patient", {}
    else:
        yield "dates_removed", {}
    birth = policy.actions[BIRTH_DATE]
    if birth is Action.YEAR:
        yield "birth_year", {"oldest": policy.oldest_birth_year}
    elif birth not in (Action.DATE, Action.KEEP):  # which only a policy's own word can say
        yield "birth_removed", {}
    yield f"characteristics_{'kept' if PATIENT_CHARACTERISTICS in policy.options else 'removed'}", {}


def _device(policy: Policy) -> str:
    if DEVICE not in policy.options:
        return "removed"
    numbers = [policy.action(tag) for tag in map(tag_of, _TELL_A_DEVICE) if tag is not None]
    return "kept" if Action.KEEP in numbers else "model_kept"


def _own_word(policy: Policy, phrases: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the site says of single attributes and texts."""
    names: dict[Action, list[str]] = {}
    for tag in policy.overridden:
        names.setdefault(policy.actions[tag], []).append(_name(tag))
    if names:
        said = (
            phrases["said"].format(are=phrases["are"][action], names=", ".join(sorted(names[action])))
            for action in Action
            if action in names
        )
        yield "own_word", {"list": phrases["then"].join(said)}
    if policy.denied:
        digest = hashlib.sha256(canonical(sorted(policy.denied))).hexdigest()[:_DIGITS]
        yield "denied", {"count": len(policy.denied), "digest": digest}


def _table(policy: Policy, phrases: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """How many attributes of the Standard's table have each fate."""
    listed = [int(rule.tag, 16) for rule in profile_table().rules if rule.is_one_attribute]
    counts = Counter(policy.actions[tag] for tag in listed)
    counts.update(action for *_, action in policy.repeating)
    words = (
        phrases["counted"].format(
            count=counts[action], are=phrases["are" if counts[action] > 1 else "is"][action]
        )
        for action in Action
        if counts[action]
    )
    yield "counts", {"all": counts.total(), "edition": profile_table().edition, "list": ", ".join(words)}
    yield "other", {}


def _attributes(policy: Policy, phrases: dict[str, Any]) -> Iterator[str]:
    for tag, action in sorted(policy.actions.items()):
        yield _attribute(f"{tag:08X}", keyword_of(tag), action, phrases)
    for mask, value, action in policy.repeating:
        kept = zip(f"{value:08X}", f"{mask:08X}", strict=True)
        yield _attribute("".join(digit if bits == "F" else "x" for digit, bits in kept), "", action, phrases)


def _attribute(digits: str, keyword: str, action: Action, phrases: dict[str, Any]) -> str:
    tag = f"({digits[:4]},{digits[4:]})"
    return str(phrases["attribute"].format(tag=tag, name=keyword or "…", **{"is": phrases["is"][action]}))


def _name(tag: int) -> str:
    return keyword_of(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
