"""Tell what a file is from its first bytes; its name means nothing."""

from __future__ import annotations

import re
from enum import StrEnum

HEAD_BYTES = 1024  # the file meta, where a DICOMDIR says that it is one, lies well within

_PREAMBLE = 128
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second is an archive of nothing
_DIRECTORY = re.compile(rb"\x02\x00\x02\x00UI..1\.2\.840\.10008\.1\.3\.10[\x00\x02]", re.DOTALL)
_VR = re.compile(rb"AE|AS|AT|CS|D[AST]|F[DL]|IS|L[OT]|O[BDFLVW]|PN|S[HLQSTV]|TM|U[CILNRSTV]")
_LONGEST_FIRST_VALUE = 1024  # identifying groups begin with short values: a character set, a UID, a length


class Kind(StrEnum):
    """What the first bytes say."""

    EMPTY = "empty"
    DICOM = "dicom"
    DICOMDIR = "dicomdir"
    ZIP = "zip"
    JSON = "json"
    OTHER = "other"


def sniff(head: bytes) -> Kind:
    """The kind of file that begins with `head`, its first `HEAD_BYTES` or all of it if it is shorter.

    References
    ----------
    DICOM PS3.10, 7.1; PKWARE APPNOTE, 4.3; RFC 8259, 2.
    """
    if not head:
        return Kind.EMPTY
    if head[_PREAMBLE : _PREAMBLE + 4] == b"DICM" or _begins_as_a_dataset(head):
        return Kind.DICOMDIR if _DIRECTORY.search(head) else Kind.DICOM
    if head.startswith(_ZIP):
        return Kind.ZIP
    if head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")[:1] in (b"{", b"["):
        return Kind.JSON
    return Kind.OTHER


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
