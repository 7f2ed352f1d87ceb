"""Find what identifies a patient in a header as the device wrote it, by tag, wherever it is nested."""

from __future__ import annotations

import struct
from collections.abc import Container
from dataclasses import dataclass
from enum import Enum, auto

from ahocorasick_rs import MATCHKIND_LEFTMOST_FIRST, BytesAhoCorasick


class Sort(Enum):
    """How an attribute's value identifies somebody, hence how it may be spelled elsewhere."""

    NAME = auto()
    STAFF = auto()  # a name too, of somebody the patient met
    NUMBER = auto()
    BIRTH = auto()
    PLACE = auto()
    UID = auto()
    CHARSET = auto()


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute that identifies."""

    keyword: str
    tag: int
    vr: bytes
    sort: Sort

    def __str__(self) -> str:
        return f"{self.keyword} ({self.tag >> 16:04X},{self.tag & 0xFFFF:04X})"


_ATTRIBUTES = tuple(
    Attribute(keyword, tag, vr.encode(), sort)
    for keyword, tag, vr, sort in (
        ("SpecificCharacterSet", 0x00080005, "CS", Sort.CHARSET),
        ("PatientName", 0x00100010, "PN", Sort.NAME),
        ("PatientBirthName", 0x00101005, "PN", Sort.NAME),
        ("PatientMotherBirthName", 0x00101060, "PN", Sort.NAME),
        ("OtherPatientNames", 0x00101001, "PN", Sort.NAME),
        ("ResponsiblePerson", 0x00102297, "PN", Sort.NAME),
        ("PatientID", 0x00100020, "LO", Sort.NUMBER),
        ("OtherPatientIDs", 0x00101000, "LO", Sort.NUMBER),
        ("AccessionNumber", 0x00080050, "SH", Sort.NUMBER),
        ("AdmissionID", 0x00380010, "LO", Sort.NUMBER),
        ("ServiceEpisodeID", 0x00380060, "LO", Sort.NUMBER),
        ("MedicalRecordLocator", 0x00101090, "LO", Sort.NUMBER),
        ("StudyID", 0x00200010, "SH", Sort.NUMBER),
        ("RequestedProcedureID", 0x00401001, "SH", Sort.NUMBER),
        ("PlacerOrderNumberImagingServiceRequest", 0x00402016, "LO", Sort.NUMBER),
        ("FillerOrderNumberImagingServiceRequest", 0x00402017, "LO", Sort.NUMBER),
        ("PatientTelephoneNumbers", 0x00102154, "SH", Sort.NUMBER),
        ("PersonTelephoneNumbers", 0x00401103, "LO", Sort.NUMBER),
        ("PatientBirthDate", 0x00100030, "DA", Sort.BIRTH),
        ("PatientAddress", 0x00101040, "LO", Sort.PLACE),
        ("PersonAddress", 0x00401102, "ST", Sort.PLACE),
        ("InstitutionName", 0x00080080, "LO", Sort.PLACE),
        ("InstitutionAddress", 0x00080081, "ST", Sort.PLACE),
        ("ReferringPhysicianName", 0x00080090, "PN", Sort.STAFF),
        ("PerformingPhysicianName", 0x00081050, "PN", Sort.STAFF),
        ("OperatorsName", 0x00081070, "PN", Sort.STAFF),
        ("RequestingPhysician", 0x00321032, "PN", Sort.STAFF),
        ("StudyInstanceUID", 0x0020000D, "UI", Sort.UID),
        ("SeriesInstanceUID", 0x0020000E, "UI", Sort.UID),
        ("FrameOfReferenceUID", 0x00200052, "UI", Sort.UID),
        ("ReferencedFrameOfReferenceUID", 0x30060024, "UI", Sort.UID),
        ("SOPInstanceUID", 0x00080018, "UI", Sort.UID),
        ("ReferencedSOPInstanceUID", 0x00081155, "UI", Sort.UID),
    )
)
_BY_TAG = {attribute.tag: attribute for attribute in _ATTRIBUTES}
_APART = frozenset(each.tag for each in _ATTRIBUTES if each.sort in (Sort.UID, Sort.CHARSET))
_CHARSET = 0x00080005
_LONG_VRS = frozenset({b"OB", b"UN", b"UT"})
_PATIENTS_OWN = frozenset({Sort.NAME, Sort.NUMBER, Sort.BIRTH})
_LONGEST = 4096
_BIG_ENDIAN = b"1.2.840.10008.1.2.2"
_IMPLICIT = b"1.2.840.10008.1.2\0"
_META = 1024  # bytes that hold the file meta information of any file
_OF_UID = b"0123456789."
_READABLE = bytes([0, 9, 10, 12, 13, 27, *range(32, 256)])

# A search engine of several strings is fast where they begin with rare bytes. Groups and their zeros are the
# most frequent ones of a header, so elements are looked for by number and VR and the group is compared after.
_ENDINGS = tuple(
    struct.pack("<H", attribute.tag & 0xFFFF) + vr
    for attribute in _ATTRIBUTES
    for vr in (attribute.vr, *((b"UN",) if attribute.sort in _PATIENTS_OWN else ()))
)
_EXPLICIT = BytesAhoCorasick(sorted(set(_ENDINGS)), matchkind=MATCHKIND_LEFTMOST_FIRST)
# A dataset inside UN is in Implicit VR, whatever is around it.
_UNKNOWN = 1
_LABELS = BytesAhoCorasick([b"PN", b"UN\0\0"], matchkind=MATCHKIND_LEFTMOST_FIRST)
_TAGS = BytesAhoCorasick([struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in _BY_TAG])


@dataclass(frozen=True, slots=True)
class Identity:
    """What a header says about who it is of. `values` are bytes as they stand, each with its tag."""

    values: tuple[tuple[int, bytes], ...]
    uids: dict[bytes, int]  # UID → tag
    charset: bytes


def identity_of(raw: bytes, kept: Container[int]) -> Identity:
    """Gather the identifying values of a header, nested ones too; those of the tags in `kept` are left out.

    Any element of VR PN names somebody, public or private.
    """
    found = dict.fromkeys(_found(raw))
    if kept:
        found = {each: None for each in found if each[0] not in kept}
    uids: dict[bytes, int] = {}
    charset = b""
    for each in [each for each in found if each[0] in _APART]:
        del found[each]
        tag, value = each
        if tag == _CHARSET:
            charset = charset or value
            continue
        for uid in value.split(b"\\") if b"\\" in value else (value,):
            # Two numbers and a point are no UID.
            if uid.count(b".") > 1 and not uid.translate(None, _OF_UID):
                uids.setdefault(uid, tag)
    return Identity(tuple(found), uids, charset)


def attribute_of(tag: int) -> Attribute:
    """What is known of an identifying attribute; a name nobody listed is somebody's."""
    return _BY_TAG.get(tag) or Attribute("PN", tag, b"PN", Sort.STAFF)


def _found(raw: bytes) -> list[tuple[int, bytes]]:
    """(tag, value) of every identifying element, in the order they are found."""
    if _BIG_ENDIAN in raw[:_META]:
        return _big_endian(raw)
    found = []
    for _, start, end in _EXPLICIT.find_matches_as_indexes(raw):
        tag = raw[start - 1] << 24 | raw[start - 2] << 16 | raw[start + 1] << 8 | raw[start]
        if tag in _BY_TAG and (value := _explicit(raw, end - 2)):
            found.append((tag, value))
    implicit = _IMPLICIT in raw[:_META]
    for label, at, _ in _LABELS.find_matches_as_indexes(raw):
        if label == _UNKNOWN:
            implicit = True
            continue
        if at < 4:
            continue
        tag = raw[at - 3] << 24 | raw[at - 4] << 16 | raw[at - 1] << 8 | raw[at - 2]
        if tag not in _BY_TAG and (value := _explicit(raw, at)):
            found.append((tag, value))
    if implicit:
        tags = tuple(_BY_TAG)
        for which, _, end in _TAGS.find_matches_as_indexes(raw, overlapping=True):
            if value := _readable(raw, end + 4, int.from_bytes(raw[end : end + 4], "little")):
                found.append((tags[which], value))
    return found


def _big_endian(raw: bytes) -> list[tuple[int, bytes]]:
    found = []
    for tag, attribute in _BY_TAG.items():
        for vr in (attribute.vr, b"UN"):
            at = -1
            start = struct.pack(">HH", tag >> 16, tag & 0xFFFF) + vr
            while (at := raw.find(start, at + 1)) >= 0:
                value = at + (12 if vr == b"UN" else 8)
                length = int.from_bytes(raw[value - (4 if vr == b"UN" else 2) : value], "big")
                if text := _readable(raw, value, length):
                    found.append((tag, text))
    return found


def _explicit(raw: bytes, at: int) -> bytes:
    """The value of the element whose VR is at `at`; nothing if what is there cannot be one."""
    if len(raw) < at + 8:
        return b""
    if raw[at : at + 2] in _LONG_VRS:
        return _readable(raw, at + 8, int.from_bytes(raw[at + 4 : at + 8], "little"))
    return _readable(raw, at + 4, raw[at + 2] | raw[at + 3] << 8)


def _readable(raw: bytes, start: int, length: int) -> bytes:
    if not 0 < length <= _LONGEST:
        return b""
    value = raw[start : start + length]
    if len(value) < length or value.translate(None, _READABLE):
        return b""
    return value.strip(b" \0")
