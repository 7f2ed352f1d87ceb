"""Look for whatever identifies a patient in what was written of them."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from federim_pipelines.deidentify.dictionaries import keyword_of, uids
from federim_pipelines.deidentify.proof.charset import written
from federim_pipelines.deidentify.proof.context import (
    holds,
    is_a_name,
    may_be_ours,
    may_hold_identifier,
    standard_words,
    text_holds,
)
from federim_pipelines.deidentify.proof.elements import Element, elements
from federim_pipelines.deidentify.proof.identity import Identity, Sort, attribute_of, identity_of
from federim_pipelines.deidentify.proof.patterns import may_hold_pattern, patterns_in
from federim_pipelines.deidentify.proof.search import search_for
from federim_pipelines.deidentify.proof.spellings import Spelling

if TYPE_CHECKING:
    from federim_pipelines.deidentify.policy.policy import Policy

IN_TEXT = "a name, a row or the pixels"

_FEW_UIDS = 12  # more are looked for by collecting those of the output
_UID = re.compile(rb"[0-9][0-9.]{4,63}")
_HASH = re.compile(r"[0-9a-f]{32,}")  # a pseudonym or a hash: any number may occur in it


class Prover:
    """Checks outputs, one at a time, each against the header it came from.

    `kept` are the tags of identifying attributes that the policy keeps on purpose: their values are not
    looked for.
    """

    def __init__(self, kept: Container[int] = frozenset()) -> None:
        self._kept = kept
        self._last = (b"", Identity((), {}, b""))

    @classmethod
    def under(cls, policy: Policy) -> Self:
        """A prover of what `policy` promises."""
        return cls(frozenset(tag for tag, action in policy.actions.items() if action == "keep"))

    def check(self, raw: bytes, clean: bytes, *texts: str) -> tuple[str, ...]:
        """What of the patient is in an output: kinds and places, never values; nothing if it is clean.

        Parameters
        ----------
        raw : bytes
            The file up to its pixels as the device wrote it, inflated if it was deflated.
        clean : bytes
            The output up to its pixels, likewise; none where only `texts` are to be searched.
        texts : str
            Whatever else goes out with it: names of file and folders, strings of rows, text seen in pixels.
        """
        identity = self._identity(raw)
        search = search_for(identity)
        found: set[str] = set()
        if clean:
            suspects = search.suspects(clean) + list(_uids_met(identity.uids, clean))
            if suspects or may_hold_pattern(clean):
                found.update(_in_elements(raw, clean, suspects))
        for text in texts:
            content = text.encode("utf-8", "replace")
            found.update(
                _in_text(raw, text, search.suspects(content) + list(_uids_met(identity.uids, content)))
            )
        return tuple(sorted(found))

    def _identity(self, raw: bytes) -> Identity:
        if self._last[0] is not raw:  # the names and rows of a file are checked after the file
            self._last = raw, identity_of(raw, self._kept)
        return self._last[1]


def _in_elements(raw: bytes, clean: bytes, suspects: Sequence[Spelling]) -> Iterator[str]:
    before: list[Element] | None = None
    unseen = set(suspects)
    for element in elements(clean):
        text = _without_hashes(element, raw)
        met = [each for each in suspects if holds(text, each)]
        unseen.difference_update(met)
        if standard_words(element):
            met = []
        if met and may_be_ours(element):
            before = list(elements(raw)) if before is None else before
            same = [each for each in before if each.tag == element.tag]
            met = [each for each in met if any(holds(other, each) for other in same)]
        kinds = {str(attribute_of(each.tag)) for each in met}
        if may_hold_identifier(element) and may_hold_pattern(element.value):
            kinds.update(patterns_in(written(element.value)))
        for kind in kinds:
            yield f"{kind} in {_place(element.tag)}"
    for suspect in unseen:  # a length that lies may part a name between two elements
        if is_a_name(suspect) and text_holds(written(clean), suspect):
            yield f"{attribute_of(suspect.tag)} in {_place(0)}"


def _in_text(raw: bytes, text: str, suspects: Sequence[Spelling]) -> Iterator[str]:
    text = _hashes_cut(text, raw)
    content = text.encode("utf-8", "replace")
    for suspect in suspects:
        if text_holds(text, suspect) or any(form in content for form in suspect.exact):
            yield f"{attribute_of(suspect.tag)} in {IN_TEXT}"
    if may_hold_pattern(content):
        for kind in patterns_in(text):
            yield f"{kind} in {IN_TEXT}"


def _without_hashes(element: Element, raw: bytes) -> Element:
    text = element.value.decode("latin-1")
    if _HASH.search(text) is None:
        return element
    return replace(element, value=_hashes_cut(text, raw).encode("latin-1"))


def _hashes_cut(text: str, raw: bytes) -> str:
    """`text` without the long hexadecimal numbers the device did not write."""
    return _HASH.sub(lambda run: run[0] if run[0].encode() in raw else "", text)


def _uids_met(own: Mapping[bytes, int], content: bytes) -> Iterator[Spelling]:
    """The patient's own UIDs that an output still has, but for the Standard's."""
    few = len(own) <= _FEW_UIDS
    for uid in own if few else own.keys() & set(_UID.findall(content)):
        if (not few or uid in content) and uid.decode() not in uids():
            yield Spelling(own[uid], Sort.UID, rf"(?<![\d.]){re.escape(uid.decode())}(?![\d.])", ())


def _place(tag: int) -> str:
    if not tag:
        return "bytes outside any element"
    return f"{keyword_of(tag)} ({tag >> 16:04X},{tag & 0xFFFF:04X})".strip()
