"""Read what a site says of makers' private attributes, in the format of TCIA's knowledge base."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Final

from federim.keys import canonical
from federim.model.errors import InputError


class Disposition(StrEnum):
    """What becomes of a private attribute, in the letters of TCIA's column `private_disposition`."""

    KEEP = "k"
    DELETE = "d"
    HASH = "h"  # a UID keyed
    OFFSET = "o"  # a date moved
    OFFSET_INTEGER = "oi"  # a date as a number of seconds
    EMPTY = "e"
    NOT_APPLICABLE = "na"


# Where several rows speak of one attribute, as of elements in different sequences, the first of these holds.
_STRICTEST: Final = (
    *(Disposition.DELETE, Disposition.EMPTY, Disposition.HASH, Disposition.OFFSET_INTEGER),
    *(Disposition.OFFSET, Disposition.KEEP),
)
_COLUMNS: Final = ("element_sig_pattern", "vr", "private_disposition")
_VR: Final = re.compile(r"[A-Z]{2}")
# (0019,"SIEMENS MR HEADER",0c), and the same after [<0>] for an element of a sequence's item.
_PRIVATE_STEP: Final = r'\([0-9A-Fa-f]{3}[13579BDFbdf],"[^"]*",[0-9A-Fa-f]{2}\)'
_PUBLIC_STEP: Final = r"\([0-9A-Fa-f]{3}[02468ACEace],[0-9A-Fa-f]{4}\)"
_STEP: Final = rf"(?:{_PRIVATE_STEP}|{_PUBLIC_STEP})"
_SIGNATURE: Final = re.compile(rf"{_STEP}(?:\[<\d+>\]{_STEP})*")
_LAST_STEP: Final = re.compile(r'\((?P<group>[^,]{4}),"(?P<creator>[^"]*)",(?P<element>[^)]{2})\)\Z')


@dataclass(frozen=True, slots=True)
class Said:
    """What a file says of one attribute."""

    disposition: Disposition
    vr: str | None  # None where it does not tell, or says UN


@dataclass(frozen=True)
class Dispositions:
    """What a site says of private attributes: (creator, group << 16 | element within the block) → its word.

    `digest` is the sha256 of all of it: equal digests mean equal treatment.
    """

    of: Mapping[tuple[str, int], Said] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether the site says nothing."""
        return not self.of

    @cached_property
    def digest(self) -> bytes:
        described = [
            [creator, element, said.disposition.value, said.vr or ""]
            for (creator, element), said in sorted(self.of.items())
        ]
        return hashlib.sha256(canonical(described)).digest()


def load_dispositions(path: str | Path) -> Dispositions:
    """Read a CSV file of dispositions, in UTF-8.

    Columns, in any order and beside any others: `element_sig_pattern`, such as
    `(0019,"SIEMENS MR HEADER",0c)`, or `(0040,9096)[<0>](2005,"Philips MR Imaging DD 001",0d)` for an element
    of an item, which is then meant in any sequence; `vr`; and `private_disposition`: `k` keep, `d` delete,
    `h` key a UID, `o` move a date, `oi` a date in seconds, which is deleted, `e` empty. Rows with `na` or
    nothing there say nothing, nor do those of public attributes and of blocks without a creator.

    Raises
    ------
    InputError
        The file cannot be read; a column is absent; a signature, VR or disposition is not one.

    References
    ----------
    The Cancer Imaging Archive, Private Tag Knowledge Base; DICOM PS3.15, E.3.10.
    """
    path = Path(path)
    found: dict[tuple[str, int], Said] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for key, said in _rows(csv.DictReader(file), path.name):
                before = found.get(key, said)
                found[key] = Said(
                    min(before.disposition, said.disposition, key=_STRICTEST.index), before.vr or said.vr
                )
    except OSError as error:
        raise InputError(f"dispositions {path.name}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"dispositions {path.name}: expected a CSV file in UTF-8") from error
    return Dispositions(found)


def _rows(reader: csv.DictReader[str], name: str) -> Iterator[tuple[tuple[str, int], Said]]:
    absent = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
    if absent:
        raise InputError(
            f"dispositions {name}, line 1: column {absent[0]} is absent; expected {', '.join(_COLUMNS)}"
        )
    for row in reader:
        where = f"dispositions {name}, line {reader.line_num}"
        signature, vr, letters = ((row[column] or "").strip() for column in _COLUMNS)
        if _SIGNATURE.fullmatch(signature) is None:
            raise InputError(
                f'{where}, column {_COLUMNS[0]}: expected a signature such as (0019,"SIEMENS MR HEADER",0c)'
            )
        if vr and _VR.fullmatch(vr) is None:
            raise InputError(f"{where}, column {_COLUMNS[1]}: expected a VR such as IS, or nothing")
        if letters not in {"", *Disposition}:
            raise InputError(f"{where}, column {_COLUMNS[2]}: expected one of {', '.join(Disposition)}")
        last = _LAST_STEP.search(signature)
        if letters in ("", Disposition.NOT_APPLICABLE) or last is None or not last["creator"].strip():
            continue
        element = int(last["group"], 16) << 16 | int(last["element"], 16)
        yield (last["creator"].strip(), element), Said(Disposition(letters), None if vr in ("", "UN") else vr)
