"""Key what is told of a person, and remember what each keyed value stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from federim.keys import keyed
from federim.model.identifiers import Pseudonym, Subject
from federim_pipelines.deidentify.text.names import keyed_name
from federim_pipelines.deidentify.uids import keyed_uid

# What begins an original that is no UID, which stands there as it was.
_ACCESSION: Final = "accession:"
_DRAWING: Final = "drawing:"
_RECORD: Final = "record:"

_KEYED_UID: Final = "2.25."
_LONGEST_CODE: Final = 16  # characters of a CS
_MOST_REMEMBERED: Final = 200_000  # keyed values that are not told again, some 20 MB


class Originals:
    """What keyed values stand for, gathered until the vault has it."""

    def __init__(self) -> None:
        self._waiting: dict[Pseudonym, dict[str, str]] = {}
        self._told: set[str] = set()

    def tell(self, person_id: Pseudonym, made: str, original: str) -> None:
        """Gather one, unless it was gathered before."""
        if made in self._told:
            return
        if len(self._told) >= _MOST_REMEMBERED:
            self._told.clear()
        self._told.add(made)
        self._waiting.setdefault(person_id, {})[made] = original

    def take(self) -> Mapping[Pseudonym, Mapping[str, str]]:
        """All that was gathered since the last time."""
        waiting, self._waiting = self._waiting, {}
        return waiting


@dataclass(frozen=True, slots=True)
class Keying:
    """Keys what is told of one person. The same value always becomes the same keyed one.

    `originals` gathers what each stands for, where anybody wants to know.
    """

    subject: Subject
    originals: Originals | None = None

    def uid(self, uid: str) -> str:
        """See `uids.keyed_uid`."""
        made = keyed_uid(self.subject.uid_key, uid)
        if self.originals is not None and made != uid:
            self.originals.tell(self.subject.person_id, made, uid)
        return made

    def accession(self, number: str | None) -> str | None:
        """What stands for an accession number in tables study and report_study.

        Its issuer is left out, because reports and images spell it differently; the key is the person's own,
        so two issuers would have to give one person the same number to be confused.
        """
        told = (number or "").strip()
        return self._remembered(f"{_ACCESSION}{told}", b"") if told else None

    def drawing(self, name: str) -> str:
        """What stands for a name somebody gave to what they drew: 16 letters."""
        return self._remembered(f"{_DRAWING}{name}", b"")

    def record(self, record_key: bytes, source: str, noun: str, *name: str) -> bytes:
        """What names a record, 16 bytes, whose own name is one among this person's only."""
        told = json.dumps([source, noun, *name], ensure_ascii=True, separators=(",", ":"))
        return bytes.fromhex(self._remembered(f"{_RECORD}{told}", record_key))

    def _remembered(self, original: str, record_key: bytes) -> str:
        made = _made(original, self.subject, record_key)
        if self.originals is not None:
            self.originals.tell(self.subject.person_id, made, original)
        return made


def keyed_anew(made: str, original: str, subject: Subject, record_key: bytes) -> str:
    """What another person's keys make of the original of a keyed value.

    Parameters
    ----------
    made, original : str
        The keyed value, which tells of what kind it is, and what a `Keying` remembered of it.
    record_key : bytes, 32
        The home's secret of that name.
    """
    if made.startswith(_KEYED_UID):
        return keyed_uid(subject.uid_key, original)
    return _made(original, subject, record_key)


def names_a_record(original: str) -> bool:
    """Whether what stands for an original is the key of a record, as 32 hexadecimal digits."""
    return original.startswith(_RECORD)


def _made(original: str, subject: Subject, record_key: bytes) -> str:
    if original.startswith(_ACCESSION):
        return keyed(subject.uid_key, "accession", original.removeprefix(_ACCESSION))[:16].hex()
    if original.startswith(_DRAWING):
        name = original.removeprefix(_DRAWING).replace(".", "_")
        return keyed_name(name, subject.uid_key).upper()[:_LONGEST_CODE]
    source, noun, *name = json.loads(original.removeprefix(_RECORD))
    return keyed(record_key, source, noun, subject.person_id, *name)[:16].hex()
