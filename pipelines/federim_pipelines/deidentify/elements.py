"""De-identify one instance element by element with pydicom: the reference path."""

from __future__ import annotations

from collections.abc import Sequence as Listed
from typing import Any

from pydicom import Dataset
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.sequence import Sequence

from federim_pipelines.deidentify.codes import code_meaning
from federim_pipelines.deidentify.dictionaries import vr_of
from federim_pipelines.deidentify.file_format import file_meta
from federim_pipelines.deidentify.header import IN_CHARACTER_SET, SIZES
from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.deidentify.person import Person
from federim_pipelines.deidentify.pixels.streams import without_words
from federim_pipelines.deidentify.policy.policy import Action, Policy
from federim_pipelines.deidentify.policy.stamp import Stamp, stamp
from federim_pipelines.deidentify.private import PrivateRules
from federim_pipelines.deidentify.structured import content_items, with_required
from federim_pipelines.deidentify.text.cleaner import TextCleaner
from federim_pipelines.deidentify.values import TEXTUAL, ValueRules, dummy
from federim_pipelines.deidentify.walk import (
    CONTENT,
    UTF_8,
    VALUE_TYPE,
    action_on,
    creator_of,
    is_creator,
    keep_private,
    of_its_vr,
)


def deidentify(dataset: Dataset, person: Person, policy: Policy) -> Dataset:
    """A new dataset: what `policy` lets pass of `dataset`, under the person's pseudonym, dates and UIDs.

    `dataset` is left as it was. The result has its own file meta and a zeroed preamble, keeps the transfer
    syntax, and is in UTF-8. An element that cannot be read as its VR is removed. Pixels are not looked at.

    Raises
    ------
    InputError
        The transfer syntax is private or unknown.
    AttributeError
        SOPClassUID or SOPInstanceUID is absent.

    References
    ----------
    DICOM PS3.15, Annex E.
    """
    cleaner = Cleaner(policy, person.rules, person.text, person.private)
    clean = with_required(dataset, cleaner.dataset(dataset))
    clean.SpecificCharacterSet = UTF_8
    clean.PatientID = person.subject.person_id
    clean.PatientName = None  # the pseudonym is in PatientID; a second copy would be one more to re-key
    _put(clean, stamp(policy))
    clean.preamble = bytes(128)
    clean.file_meta = file_meta(dataset, clean)
    pixels = without_words(clean)
    if pixels is not None:
        clean.add(pixels)
    return clean


class Cleaner:
    """Applies a policy to a dataset and to all that is nested in it."""

    def __init__(
        self, policy: Policy, rules: ValueRules, text: TextCleaner, private: PrivateRules | None
    ) -> None:
        self.policy = policy
        self.rules = rules
        self.text = text
        self._private = private

    def dataset(self, source: Dataset, *, without: frozenset[int] = frozenset()) -> Dataset:
        """A clean copy of a dataset or of a sequence's item, without some of its elements."""
        clean = Dataset()
        creators = _creators(source)
        for tag in sorted(set(source.keys()) - without):
            try:
                kept = self._element(source, tag, creators)
            except Exception:  # noqa: S112 — pydicom raises many kinds on a damaged value
                continue
            if kept is not None:
                clean.add(kept)
        for place, creator in creators.items():
            if any(tag >> 16 & 1 and creator_of(tag) == place for tag in clean.keys()):  # noqa: SIM118
                clean.add(DataElement(place, "LO", creator))
        _say_what_a_code_means(source, clean)
        return clean

    def _element(self, source: Dataset, tag: int, creators: dict[int, str]) -> DataElement | None:
        if tag >> 16 & 1:
            return self._private_element(source, tag, creators.get(creator_of(tag)))
        action = action_on(self.policy, tag)
        if action is Action.REMOVE:
            return None
        element = _Read(source, tag)
        action = of_its_vr(tag, element.vr, action)
        if action is Action.REMOVE:
            return None
        if element.vr == "SQ":
            return self._sequence(tag, element.value, stays=action in (None, Action.KEEP))
        if element.is_empty or action is Action.EMPTY:
            return DataElement(tag, element.vr, None)
        if element.vr in TEXTUAL:
            return self._text(tag, element, action)
        if action is Action.REPLACE:
            return DataElement(tag, element.vr, None)
        value = element.value
        if action not in (None, Action.KEEP, Action.CLEAN) or not element.is_whole:
            return None
        if not self.rules.keeps(tag, element.vr, element.content):
            return None
        return DataElement(tag, element.vr, value)

    def _text(self, tag: int, element: _Read, action: Action | None) -> DataElement | None:
        if action is Action.REPLACE and element.vr != "UI":
            return DataElement(tag, element.vr, dummy(element.vr))
        # A dummy UID that differs from its like elsewhere would break references for nothing.
        changed = self.rules.texts(
            tag, element.vr, Action.UID if action is Action.REPLACE else action, element.parts
        )
        if changed is None:
            return None
        return DataElement(tag, element.vr, changed[0] if len(changed) == 1 else changed)

    def _sequence(self, tag: int, items: Listed[Dataset], *, stays: bool) -> DataElement:
        """Items are cleaned where the sequence may stay. D empties it: an invented item would be a lie."""
        if not stays:
            return DataElement(tag, "SQ", Sequence())
        of_content = tag == CONTENT or any(VALUE_TYPE in item for item in items)
        if of_content and self.policy.cleans_structured:
            kept = content_items(items, self)
        else:
            kept = [self.dataset(item) for item in items]
        return DataElement(tag, "SQ", Sequence(kept))

    def _private_element(self, source: Dataset, tag: int, creator: str | None) -> DataElement | None:
        if is_creator(tag):
            return None  # put back where something of its block is kept
        kept = keep_private(self._private, creator, tag, source.get_item(tag).VR or "")
        if kept is None:
            return None
        vr, action = kept
        element = _Read(source, tag, vr)
        if vr == "SQ":
            return self._sequence(tag, element.value, stays=action is Action.KEEP)
        if element.is_empty or action is Action.EMPTY:
            return DataElement(tag, vr, None)
        if vr in TEXTUAL:
            return self._text(tag, element, action)
        value = element.value
        if action is not Action.KEEP or not element.is_whole:
            return None
        if not self.rules.keeps_private(tag, vr, element.content):
            return None
        return DataElement(tag, vr, value)


class _Read:
    """An element as the rules want it: its VR, and its parts if it is text.

    Numbers in text are left as text, so that what cannot be read as a number is judged like any other.
    """

    def __init__(self, source: Dataset, tag: int, vr: str | None = None) -> None:
        raw: Any = source.get_item(tag)
        self._raw = raw
        self.vr: str
        self.value: Any
        told = vr
        if told is None and isinstance(raw, RawDataElement):
            told = raw.VR if raw.VR != "UN" else None
            told = told or (vr_of(tag) if raw.VR is None else None)
        if isinstance(raw, RawDataElement) and told in TEXTUAL and told not in IN_CHARACTER_SET:
            self.vr = str(told)
            self.value = raw.value or b""
            text = self.value.decode("latin-1")
            parts = [text] if self.vr == "UR" else text.split("\\")
        else:
            if isinstance(raw, RawDataElement) and vr is not None:
                read = convert_raw_data_element(
                    raw._replace(VR=vr), encoding=source.original_character_set, ds=source
                )
                element = DataElement(tag, vr, read.value, already_converted=True)
            else:
                element = source[tag]
            self.vr = element.VR
            self.value = element.value
            parts = [str(part) for part in values_of(self.value)] if self.vr in TEXTUAL else []
        self.parts = [part.strip(" \0") for part in parts]

    @property
    def content(self) -> bytes:
        """The bytes of a binary value as they are in the file; none where it came from elsewhere."""
        content = self._raw.value if isinstance(self._raw, RawDataElement) else self.value
        return content if isinstance(content, bytes) else b""

    @property
    def is_empty(self) -> bool:
        if self.vr in TEXTUAL:
            return self.parts in ([], [""])
        if isinstance(self._raw, RawDataElement):
            return not self._raw.value
        return self.value is None or self.value in (b"", [])

    @property
    def is_whole(self) -> bool:
        """Whether numbers fill their bytes exactly."""
        return len(self.content) % SIZES.get(self.vr[:2], 1) == 0


def _creators(source: Dataset) -> dict[int, str]:
    """The makers of private blocks, by the tag that names them."""
    found = {}
    for tag in source.keys():  # noqa: SIM118 — iterating a Dataset converts its elements
        if tag >> 16 & 1 and is_creator(tag):
            value = source.get_item(tag).value
            text = value.decode("latin-1") if isinstance(value, bytes) else str(value or "")
            found[int(tag)] = text.strip(" \0")
    return found


def _say_what_a_code_means(source: Dataset, clean: Dataset) -> None:
    """Put the dictionary's meaning beside a code that had one; the code itself stands in where it gives none.

    CodeMeaning is Type 1, and senders put names, wards and remarks in it.
    """
    value = clean.get("CodeValue") or clean.get("LongCodeValue") or clean.get("URNCodeValue")
    if value and "CodeMeaning" in source:
        scheme = str(clean.get("CodingSchemeDesignator") or "")
        clean.CodeMeaning = code_meaning(scheme, str(value)) or clean.get("CodeMeaning") or str(value)


def _put(clean: Dataset, stamped: Stamp) -> None:
    """Add the stamp's elements."""
    for tag, vr, value in stamped:
        if vr == "SQ":
            items = []
            for attributes in value:
                item = Dataset()
                _put(item, attributes)
                items.append(item)
            clean.add(DataElement(tag, "SQ", Sequence(items)))
        else:
            clean.add(DataElement(tag, vr, value))
