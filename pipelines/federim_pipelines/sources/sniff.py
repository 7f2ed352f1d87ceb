"""Tell what a file is from its first bytes; its name means nothing."""

from __future__ import annotations

import re
from enum import StrEnum

HEAD_BYTES = 1024  # the file meta, where a DICOMDIR says that it is one, lies well within

_PREAMBLE = 128
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second is an archive of nothing
_DIRECTORY = re.compile(rb"\x02\x00\x02\x00UI..1\.2\.840\.10008\.1\.3\.10[\x00\x02]", re.DOTALL)
_HL7V2 = re.compile(rb"\s*\x0b?\s*(MSH|FHS|BHS)[^\w\s]")  # 0B begins a message that MLLP brought
_PARQUET = b"PAR1"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_VR = re.compile(rb"AE|AS|AT|CS|D[AST]|F[DL]|IS|L[OT]|O[BDFLVW]|PN|S[HLQSTV]|TM|U[CILNRSTV]")
_LONGEST_FIRST_VALUE = 1024  # identifying groups begin with short values: a character set, a UID, a length


class Kind(StrEnum):
    """What the first bytes say."""

    EMPTY = "empty"
    DICOM = "dicom"
    DICOMDIR = "dicomdir"
    ZIP = "zip"
    JSON = "json"
    XML = "xml"
    HL7V2 = "hl7v2"
    PARQUET = "parquet"
    OTHER = "other"


_TEXTS = {b"{": Kind.JSON, b"[": Kind.JSON, b"<": Kind.XML}


def sniff(head: bytes) -> Kind:
    """The kind of file that begins with `head`, its first `HEAD_BYTES` or all of it if it is shorter.

    References
    ----------
    DICOM PS3.10, 7.1; PKWARE APPNOTE, 4.3; RFC 8259, 2; XML 1.0, 2.1; HL7 v2.5, 2.5.4 and 2.10.3.
    """
    if not head:
        return Kind.EMPTY
    if head[_PREAMBLE : _PREAMBLE + 4] == b"DICM" or _begins_as_a_dataset(head):
        return Kind.DICOMDIR if _DIRECTORY.search(head) else Kind.DICOM
    if head.startswith(_ZIP):
        return Kind.ZIP
    if head.startswith(_PARQUET):
        return Kind.PARQUET
    text = head.removeprefix(_BYTE_ORDER_MARK)
    if _HL7V2.match(text):
        return Kind.HL7V2
    return _TEXTS.get(text.lstrip()[:1], Kind.OTHER)


def _begins_as_a_dataset(head: bytes) -> bool:
    """Whether `head` is an element of group 0002 or 0008, in any encoding, without a preamble."""
    if len(head) < 8:
        return False
    for order in ("little", "big"):
        group = int.from_bytes(head[0:2], order)
        element = int.from_bytes(head[2:4], order)
        if group in (0x0002, 0x0008) and element <= 0x0100:
            if _VR.fullmatch(head[4:6]):
                return True
            return order == "little" and int.from_bytes(head[4:8], order) <= _LONGEST_FIRST_VALUE
    return False
