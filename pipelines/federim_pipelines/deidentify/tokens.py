"""De-identify a header on its bytes, element by element: the fast path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from federim_pipelines.deidentify.codes import code_meaning
from federim_pipelines.deidentify.header import (
    CHARACTER_SET,
    DEEPEST,
    LONG,
    SIZES,
    Unknown,
    items,
    read_element,
    split,
    texts,
)
from federim_pipelines.deidentify.part10 import encode, encode_sequence, encode_texts
from federim_pipelines.deidentify.policy.policy import Action, Policy
from federim_pipelines.deidentify.private import PrivateRules
from federim_pipelines.deidentify.values import TEXTUAL, ValueRules, dummy
from federim_pipelines.deidentify.walk import (
    CODE_MEANING,
    CODE_VALUES,
    CODING_SCHEME,
    CONTENT,
    VALUE_TYPE,
    action_on,
    creator_of,
    is_creator,
    keep_private,
    of_its_vr,
)

_REMOVED: Final = b""


class Tokens:
    """Rewrites the elements of one patient's datasets of one encoding.

    Raises `Unknown` on whatever only the reference path knows; then nothing of the file was written.
    """

    def __init__(
        self, policy: Policy, rules: ValueRules, private: PrivateRules | None, *, explicit: bool, codec: str
    ) -> None:
        self._policy = policy
        self._rules = rules
        self._private = private
        self.explicit = explicit
        self._codec = codec

    def dataset(self, elements: Mapping[int, bytes], *, depth: int = 0) -> dict[int, bytes]:
        """Clean elements, tag → bytes; removed ones are absent."""
        creators = self.creators(elements)
        clean: dict[int, bytes] = {}
        for tag, raw in elements.items():
            kept = self.element(tag, raw, creators.get(creator_of(tag)), depth=depth)
            if kept:
                clean[tag] = kept
        self.put_creators(creators, clean)
        if CODE_MEANING in elements:
            self._say_what_a_code_means(clean)
        return clean

    def creators(self, elements: Mapping[int, bytes]) -> dict[int, str]:
        """The makers of private blocks, by the tag that names them."""
        found = {}
        for tag, raw in elements.items():
            if tag & 0x10000 and is_creator(tag):
                start = 12 if self.explicit and raw[4:6] in LONG else 8
                found[tag] = raw[start:].decode("latin-1").strip(" \0")
        return found

    def put_creators(self, creators: Mapping[int, str], clean: dict[int, bytes]) -> None:
        """Name the maker again of each block of which something is kept."""
        for creator in {creator_of(tag) for tag in clean if tag & 0x10000} & creators.keys():
            clean[creator] = encode_texts(creator, "LO", [creators[creator]], explicit=self.explicit)

    def plain_of(self, tag: int, raw: bytes) -> str:
        """The VR of an element of numbers or times in text that stay, whichever they are; `` of any other."""
        if tag & 0x10000:
            return ""
        vr, _ = read_element(tag, raw, explicit=self.explicit)
        action = of_its_vr(tag, vr, action_on(self._policy, tag))
        if vr == "TM":
            has_times = self._policy.moves_dates or self._policy.keeps_dates
            return vr if action is Action.DATE or (action in (None, Action.KEEP) and has_times) else ""
        return vr if vr in ("DS", "IS") and action in (None, Action.KEEP) else ""

    def element(self, tag: int, raw: bytes, creator: str | None, *, depth: int = 0) -> bytes:
        """One element as it is written, no byte where it is removed."""
        if tag >> 16 & 1:
            return self._private_element(tag, raw, creator, depth=depth)
        action = action_on(self._policy, tag)
        if action is Action.REMOVE:
            if depth and tag == CHARACTER_SET:
                raise Unknown
            return _REMOVED
        vr, start = read_element(tag, raw, explicit=self.explicit)
        if vr == "UN" and self.explicit:
            raise Unknown
        action = of_its_vr(tag, vr, action)
        if action is Action.REMOVE:
            return _REMOVED
        if vr == "SQ":
            return self._sequence(tag, raw, start, stays=action in (None, Action.KEEP), depth=depth)
        if action is Action.EMPTY:
            return encode(tag, vr, b"", explicit=self.explicit)
        if vr in TEXTUAL:
            return self._text(tag, vr, action, raw[start:])
        if len(raw) == start or action is Action.REPLACE:
            return encode(tag, vr, b"", explicit=self.explicit)
        if action not in (None, Action.KEEP, Action.CLEAN) or not _whole(vr, len(raw) - start):
            return _REMOVED
        value = raw[start:]
        if not self._rules.keeps(tag, vr, value):
            return _REMOVED
        return encode(tag, vr, value, explicit=self.explicit)

    def _text(self, tag: int, vr: str, action: Action | None, value: bytes) -> bytes:
        parts = texts(value, vr, self._codec)
        if parts == [""]:
            return encode(tag, vr, b"", explicit=self.explicit)
        if action is Action.REPLACE and vr != "UI":
            return encode_texts(tag, vr, [dummy(vr) or ""], explicit=self.explicit)
        # A dummy UID that differs from its like elsewhere would break references for nothing.
        changed = self._rules.texts(tag, vr, Action.UID if action is Action.REPLACE else action, parts)
        return _REMOVED if changed is None else encode_texts(tag, vr, changed, explicit=self.explicit)

    def _sequence(self, tag: int, raw: bytes, start: int, *, stays: bool, depth: int) -> bytes:
        """Items are cleaned where the sequence may stay. D empties it: an invented item would be a lie."""
        if depth > DEEPEST:
            raise Unknown
        if not stays:
            return encode_sequence(tag, (), explicit=self.explicit)
        if tag == CONTENT and self._policy.cleans_structured:
            raise Unknown
        clean = []
        for first, last in items(raw, start, len(raw), explicit=self.explicit, depth=depth + 1):
            elements, _ = split(raw, first, last, explicit=self.explicit, depth=depth + 1)
            if VALUE_TYPE in elements and self._policy.cleans_structured:
                raise Unknown
            kept = self.dataset(elements, depth=depth + 1)
            clean.append(b"".join(kept[tag] for tag in sorted(kept)))
        return encode_sequence(tag, clean, explicit=self.explicit)

    def _private_element(self, tag: int, raw: bytes, creator: str | None, *, depth: int) -> bytes:
        if is_creator(tag):
            return _REMOVED  # put back where something of its block is kept
        file_vr, start = read_element(tag, raw, explicit=self.explicit)
        kept = keep_private(self._private, creator, tag, file_vr if self.explicit else "")
        if kept is None:
            return _REMOVED
        vr, action = kept
        if vr == "SQ":
            return self._sequence(tag, raw, start, stays=action is Action.KEEP, depth=depth)
        if action is Action.EMPTY:
            return encode(tag, vr, b"", explicit=self.explicit)
        if vr in TEXTUAL:
            return self._text(tag, vr, action, raw[start:])
        value = raw[start:]
        if (
            action is not Action.KEEP
            or not _whole(vr, len(value))
            or not self._rules.keeps_private(tag, vr, value)
        ):
            return _REMOVED
        return encode(tag, vr, value, explicit=self.explicit)

    def _say_what_a_code_means(self, clean: dict[int, bytes]) -> None:
        value = next((text for tag in CODE_VALUES if (text := self._one_text(tag, clean))), "")
        if value:
            meaning = (
                code_meaning(self._one_text(CODING_SCHEME, clean), value)
                or self._one_text(CODE_MEANING, clean)
                or value
            )
            clean[CODE_MEANING] = encode_texts(CODE_MEANING, "LO", [meaning], explicit=self.explicit)

    def _one_text(self, tag: int, clean: Mapping[int, bytes]) -> str:
        raw = clean.get(tag)
        if raw is None:
            return ""
        vr, start = read_element(tag, raw, explicit=self.explicit)
        return texts(raw[start:], vr, "utf-8")[0]


def _whole(vr: str, length: int) -> bool:
    """Whether numbers of a VR fill their bytes exactly."""
    return length % SIZES.get(vr[:2], 1) == 0
