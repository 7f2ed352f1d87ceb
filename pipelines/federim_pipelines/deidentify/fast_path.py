"""De-identify a file on its bytes: its header rewritten, its pixels left where they are."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from federim_pipelines.deidentify.classes import why_refused
from federim_pipelines.deidentify.cleaned import Cleaned, Prove
from federim_pipelines.deidentify.header import CHARACTER_SET, UNDEFINED, Attributes, Header, Unknown
from federim_pipelines.deidentify.part10 import (
    SEQUENCE_END,
    encode,
    encode_sequence,
    encode_texts,
    head_of_pixels,
    preamble_and_meta,
)
from federim_pipelines.deidentify.person import SubjectOf, person_of
from federim_pipelines.deidentify.pixels.burned_in import why_read
from federim_pipelines.deidentify.pixels.faces import recognizable_features
from federim_pipelines.deidentify.pixels.streams import blanked, expected_length
from federim_pipelines.deidentify.policy.policy import Policy
from federim_pipelines.deidentify.policy.stamp import Stamp, stamp
from federim_pipelines.deidentify.reading import Parts, Source, take_apart
from federim_pipelines.deidentify.remembered import Remembered
from federim_pipelines.deidentify.shape import Known, Retained, Shape
from federim_pipelines.deidentify.template import Template
from federim_pipelines.deidentify.tokens import Tokens
from federim_pipelines.deidentify.walk import CODE_MEANING, PATIENT_ID, PATIENT_NAME, UTF_8
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.keying import Originals

# SOPClassUID, SOPInstanceUID, StudyInstanceUID, SeriesInstanceUID
_REQUIRED: Final = (0x00080016, 0x00080018, 0x0020000D, 0x0020000E)
_IDENTIFIERS: Final = (PATIENT_ID, 0x00100021)  # and IssuerOfPatientID
_FACES: Final = 0x00280302  # RecognizableVisualFeatures
_PATIENTS: Final = 16  # at a time: files come study by study, and each patient's values take memory
_ROWS: Final = 0x00280010
_PIXEL_DATA: Final = 0x7FE00010


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an object is, as far as its treatment goes."""

    refused: str | None
    may_have_words: bool
    faces: str | None
    pixel_bytes: int | None


class FastPath:
    """Cleans the files it knows how to, one after the other; see `instance.Deidentifier`."""

    def __init__(
        self, policy: Policy, subject_of: SubjectOf, prove: Prove, originals: Originals | None
    ) -> None:
        self._policy = policy
        self._subject_of = subject_of
        self._originals = originals
        self._prove = prove
        self._known = Remembered(self._meet, most=_PATIENTS)
        self._kind = Remembered(self._judge)
        self._shape: Shape | None = None
        self._stamps: dict[bool, dict[int, bytes]] = {}

    def clean(self, source: Source) -> Cleaned:
        """The de-identified form of a file.

        Raises
        ------
        Unknown
            The file asks for the reference path; nothing was decided.
        Unusable
            The policy lets no such object in, its patient is not known, or the proof failed.
        """
        shape = self._shape
        parts = take_apart(source, None if shape is None else shape.template)
        header, pixels = parts.header, parts.pixels
        elements = header.elements
        if CODE_MEANING in elements or not _names_itself(header):
            raise Unknown
        kind = self._kind(header)
        if kind.refused is not None:
            raise Unusable(Reason.POLICY, kind.refused)
        if self._policy.cleans_pixels and kind.may_have_words:
            raise Unknown
        length, body = _body(source, parts, kind.pixel_bytes)
        known = self._known(header)
        clean, dataset, after, retained = self._rewritten(parts, known, kind)
        cleaned = Header(clean, explicit=header.explicit, codec="utf-8")
        head = preamble_and_meta(
            sop_class=str(cleaned.get("SOPClassUID")),
            sop_instance=str(cleaned.get("SOPInstanceUID")),
            transfer_syntax=parts.transfer_syntax,
        )
        head += dataset
        if pixels is not None:
            value = UNDEFINED if pixels.encapsulated else length
            head += head_of_pixels(pixels.tag, pixels.vr, value, explicit=header.explicit)
            if pixels.encapsulated:
                after = SEQUENCE_END + after
        before = parts.head + parts.tail
        self._prove(before, head + after)
        return Cleaned(
            raw=header,
            clean=cleaned,
            subject=known.person.subject,
            transfer_syntax=parts.transfer_syntax,
            source=source,
            head=head,
            body=body,
            start=0 if pixels is None else pixels.start,
            length=length,
            tail=after,
            fast=True,
            prove=partial(self._prove, before, b""),
            retained=retained,
        )

    def _rewritten(
        self, parts: Parts, known: Known, kind: _Kind
    ) -> tuple[dict[int, bytes], bytes, bytes, Retained]:
        """Clean elements, their bytes before and after the pixels, and the texts that were let through."""
        shape, header = self._shape, parts.header
        if shape is not None and parts.varying is not None and shape.known is known and shape.marks == kind:
            quick = shape.rewrite(parts.varying)
            if quick is not None and not known.rewrite(parts.following, {})[0]:
                clean, dataset, retained = quick
                return clean, dataset, b"", retained
        elements = {**header.elements, **parts.following}
        creators = known.tokens.creators(elements)
        clean, retained = known.rewrite(elements, creators)
        known.tokens.put_creators(creators, clean)
        stamped = self._stamped(known, kind, explicit=header.explicit)
        clean |= stamped
        tags = sorted(clean)
        end = len(tags) if parts.pixels is None else bisect(tags, parts.pixels.tag)
        dataset = b"".join([clean[tag] for tag in tags[:end]])
        after = b"".join([clean[tag] for tag in tags[end:]])
        if not after:
            template = self._template(header, known)
            self._shape = Shape.of(template, known, kind, creators, clean, stamped)
        return clean, dataset, after, retained

    def _template(self, header: Header, known: Known) -> Template:
        """What this header has in common with the ones before it."""
        before = None if self._shape is None else self._shape.template
        if before is not None and before.explicit == header.explicit:
            if self._shape is not None and self._shape.known is known:
                widened = before.widened(header.elements)
                if widened is not None:
                    return widened
            elif header.elements.keys() == before.constant.keys() | before.varying:
                return Template.of(header.elements, before.varying, explicit=header.explicit)
        return Template.of(header.elements, frozenset(), explicit=header.explicit)

    def _stamped(self, known: Known, kind: _Kind, *, explicit: bool) -> dict[int, bytes]:
        """What is written whatever was there before."""
        person_id = known.person.subject.person_id
        stamped = {
            **self._stamp(explicit),
            PATIENT_ID: encode_texts(PATIENT_ID, "LO", [person_id], explicit=explicit),
        }
        if kind.faces is not None:
            stamped[_FACES] = encode_texts(_FACES, "CS", [kind.faces], explicit=explicit)
        return stamped

    def _meet(self, attributes: Attributes) -> Known:
        assert isinstance(attributes, Header)
        person = person_of(attributes, self._policy, self._subject_of, self._originals)
        explicit, codec = attributes.explicit, attributes.codec
        return Known(
            Tokens(self._policy, person.rules, person.private, explicit=explicit, codec=codec), person
        )

    def _judge(self, attributes: Attributes) -> _Kind:
        return _Kind(
            refused=why_refused(attributes, self._policy),
            may_have_words=why_read(attributes) is not None,
            faces=recognizable_features(attributes),
            pixel_bytes=expected_length(attributes),
        )

    def _stamp(self, explicit: bool) -> Mapping[int, bytes]:
        """What every object of the policy carries, by tag."""
        if explicit not in self._stamps:
            self._stamps[explicit] = {
                CHARACTER_SET: encode_texts(CHARACTER_SET, "CS", [UTF_8], explicit=explicit),
                PATIENT_NAME: encode(PATIENT_NAME, "PN", b"", explicit=explicit),
                **_encoded(stamp(self._policy), explicit=explicit),
            }
        return self._stamps[explicit]


def _names_itself(header: Header) -> bool:
    """Whether a header has one UID where it needs one, and its patient's identifiers in text."""
    elements, explicit = header.elements, header.explicit
    for tag in _REQUIRED:
        raw = elements.get(tag, b"")
        value = raw[8:].strip(b" \0")
        if not value or b"\\" in value or (explicit and raw[4:6] != b"UI"):
            return False
    return not explicit or all(elements[tag][4:6] == b"LO" for tag in _IDENTIFIERS if tag in elements)


def _body(source: Source, parts: Parts, expected: int | None) -> tuple[int, bytes]:
    """How many bytes of the source's pixel data are written, and what instead of them if not they.

    Raises
    ------
    Unknown
        There are fewer of them than the image's shape asks for, or its shape is not told.
    """
    pixels = parts.pixels
    if pixels is None:
        if _ROWS in parts.header.elements:
            raise Unknown
        return 0, b""
    if pixels.encapsulated:
        before = source.buffer()[pixels.start : pixels.start + pixels.length]
        after = blanked(before)
        return pixels.length, b"" if after is before else after
    if pixels.tag != _PIXEL_DATA:
        return pixels.length, b""
    if expected is None or expected % 2 or pixels.length < expected:
        raise Unknown
    return expected, b""


def _encoded(stamped: Stamp, *, explicit: bool) -> dict[int, bytes]:
    """A stamp's elements, by tag."""
    elements = {}
    for tag, vr, value in stamped:
        if vr == "SQ":
            items = [b"".join(_encoded(item, explicit=explicit).values()) for item in value]
            elements[tag] = encode_sequence(tag, items, explicit=explicit)
        else:
            elements[tag] = encode_texts(tag, vr, [str(value)], explicit=explicit)
    return elements
