"""What travels between a source, a worker and the driver: items, records and refusals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from federim.model.identifiers import Pseudonym

Row = dict[str, Any]

LAST = 2**62  # version of a record that is withdrawn for good


class Reason(StrEnum):
    """Why something was refused. Each word has its sentence in `SENTENCES`."""

    EMPTY = "empty"
    UNREADABLE = "unreadable"
    NOT_SUPPORTED = "not-supported"
    TRUNCATED = "truncated"
    UID_MISSING = "uid-missing"
    PATIENT_UNKNOWN = "patient-unknown"
    IDENTITY_REFUSED = "identity-refused"
    OPPOSED = "opposed"
    PARKED = "parked"
    INSTANCE_CONFLICT = "instance-conflict"
    RECORD_CHANGED = "record-changed"
    CODE_MISSING = "code-missing"
    VALUE_UNUSABLE = "value-unusable"
    DATE_UNUSABLE = "date-unusable"
    SCHEMA = "schema"
    POLICY = "policy"
    PIXELS = "pixels"
    PROOF = "proof"
    CONFIDENTIAL = "confidential"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"


SENTENCES: dict[Reason, str] = {
    Reason.EMPTY: "the file holds no byte",
    Reason.UNREADABLE: "the file cannot be read as what it claims to be",
    Reason.NOT_SUPPORTED: "no source of this run reads this kind of file or record",
    Reason.TRUNCATED: "the file ends before its content does",
    Reason.UID_MISSING: "a UID that DICOM requires is absent",
    Reason.PATIENT_UNKNOWN: "the record names no patient, or one the site does not know",
    Reason.IDENTITY_REFUSED: "the patient's identifiers are malformed or contradict each other",
    Reason.OPPOSED: "the person objects to the use of their data for research",
    Reason.PARKED: "the key server is away: it is kept encrypted, and comes in by itself",
    Reason.INSTANCE_CONFLICT: "another file has the same SOPInstanceUID and other content",
    Reason.RECORD_CHANGED: "a record with the same identifier and other content is already in the lake",
    Reason.CODE_MISSING: "the record has no code to say what it is about",
    Reason.VALUE_UNUSABLE: "a value is not of the kind its column declares",
    Reason.DATE_UNUSABLE: "a date cannot be read",
    Reason.SCHEMA: "a row does not meet the check its table declares",
    Reason.POLICY: "the de-identification policy does not let this kind of object in",
    Reason.PIXELS: "text may be in the pixels, and blanking it could not be made certain",
    Reason.PROOF: "the proof found an identifying value in what was about to be stored",
    Reason.CONFIDENTIAL: "the patient or a professional hid the document, so it is not used for research",
    Reason.WITHDRAWN: "its source withdrew it",
    Reason.FAILED: "an unforeseen failure; the kind of exception is in the detail",
}


class Fate(StrEnum):
    """What became of a file."""

    ACCEPTED = "accepted"  # something of it entered the lake
    DUPLICATE = "duplicate"  # all of it was there already, or is older than what is there
    PARKED = "parked"  # nothing of it entered yet, and some of it waits for the key server
    QUARANTINED = "quarantined"
    IGNORED = "ignored"  # there is no record in it


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of input small enough for one worker: a file, a member of an archive, a span of lines."""

    source: str  # which source reads it: folder, fhir, csv
    path: Path
    member: str = ""  # name inside an archive
    start: int = 0  # first byte of the span
    end: int | None = None  # byte after the span; None is the end of the file
    first_line: int = 1  # number of the span's first line in the file
    sealed: bool = False  # `path` is a parked piece: see `parked.lot`
    called: str = ""  # the file's name, where `path` does not tell it

    @property
    def file_name(self) -> str:
        """The name of the file or member, without its folders."""
        return self.called or (self.member or self.path.name).rpartition("/")[2]

    @property
    def place(self) -> str:
        """The file this item belongs to: what accounting counts and `quarantine locate` finds."""
        return f"{self.path}!/{self.member}" if self.member else str(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Something that goes to quarantine. `detail` says tag, column or kind of exception, never a value."""

    reason: Reason
    position: int | None = None  # line, row or entry in the file, from 1
    detail: str = ""
    picture: bytes = field(default=b"", repr=False)  # PNG for the site's own eyes
    person: Pseudonym | None = field(default=None, repr=False)  # whom the picture is of


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One thing that enters the lake whole or not at all: an instance, a result, a document, a person.

    A record with a version takes the place of the same record in an earlier one, whichever is read first;
    one without is what it is, and the same key with other content is a conflict.
    """

    key: bytes  # 16 bytes: what it is (keyed hash of its identifier)
    content: bytes  # 16 bytes: what it says (hash); equal key and content is a duplicate
    rows: tuple[tuple[str, Row], ...] = field(repr=False)  # (table, row without bucket); none withdraws it
    position: int | None = None
    version: int | None = None  # the greater stands; `LAST` cannot be followed by another
    under: bytes | None = None  # key of the order it was sent for: withdrawn for good, it takes this along
    conflict: Reason = Reason.RECORD_CHANGED  # the refusal if the key is known with other content
    object_path: str = ""  # the stored object to drop if the record does not enter


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a worker made of one item."""

    item: Item
    records: list[Record]
    refusals: list[Refusal]
    # Records of a kind the lake has no table for, counted by kind: {"Encounter": 12}. Not refused, not lost.
    skipped: dict[str, int] = field(default_factory=dict)
    # Texts that de-identification let through, by tag: a person may review them.
    retained: Counter[tuple[int, str]] = field(default_factory=Counter)
