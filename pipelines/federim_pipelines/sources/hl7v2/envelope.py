"""What all records of one message have in common: the person, the stay, the moment it was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from federim.keys import canonical, keyed
from federim.model.identifiers import Subject
from federim_pipelines.extract.facts import Facts, TableRow
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import LAST, Reason, Record, Refusal
from federim_pipelines.keying import Keying
from federim_pipelines.sources.hl7v2.messages import Message
from federim_pipelines.sources.hl7v2.moments import instant_of
from federim_pipelines.sources.hl7v2.segments import Segment
from federim_pipelines.worker import Worker

KIND = "hl7v2"

# What is sent in the same second: the greater stands, in whatever order the messages are read.
TOLD, CORRECTED, ENDED, WITHDRAWN = 0, 1, 2, 3
_RANKS = 10


@dataclass(slots=True)
class Found:
    """What is found in the messages of one item, as they are read."""

    records: list[Record] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def refuse(self, reason: Reason, line: int, detail: str) -> None:
        self.refusals.append(Refusal(reason=reason, position=line, detail=detail))

    def refused(self, error: Unusable, line: int) -> None:
        self.refuse(error.reason, line, error.detail)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Makes the records of one message about one person.

    The keys of records hold the person: order numbers begin again, and a number given twice must not take
    one patient's result away for another's.
    """

    worker: Worker
    subject: Subject
    instant: int  # yyyymmddHHMMSSmmm; 0 where the message does not say when it was sent
    visit_occurrence_id: str | None

    @classmethod
    def of(cls, message: Message, worker: Worker, subject: Subject) -> Envelope:
        """The envelope of a message about a person.

        References
        ----------
        HL7 v2.5, 2.15.9.7 (MSH-7), 3.4.1.2 (EVN-2).
        """
        event, stay = message.first("EVN"), message.first("PV1")
        instant = instant_of(message.header(7)) or (instant_of(event(2)) if event else None)
        envelope = cls(worker, subject, instant or 0, None)
        number = stay(19) if stay else ""
        if not number:
            return envelope
        return cls(worker, subject, instant or 0, envelope.key("visit", number).hex())

    def key(self, noun: str, *name: str) -> bytes:
        """What names a record of this person, 16 bytes."""
        keying = Keying(self.subject, self.worker.originals)
        return keying.record(self.worker.record_key, KIND, noun, *name)

    def facts(self, report_id: str | None = None) -> Facts:
        """Makes rows about the person, told in a report of that identifier."""
        return Facts(
            subject=self.subject,
            codebook=self.worker.codebook,
            originals=self.worker.originals,
            report_id=report_id,
            visit_occurrence_id=self.visit_occurrence_id,
        )

    def record(self, key: bytes, rows: Sequence[TableRow], *said: Segment | None, rank: int = TOLD) -> Record:
        """A record that a later message about the same replaces; without rows it takes it away.

        Parameters
        ----------
        said : segments
            Where its rows come from: what they say, and not what the site's vocabulary makes of it, tells
            one content from another. The first is where the record is found.
        """
        return self._record(key, rows, said, self.instant * _RANKS + rank)

    def withdrawal(self, key: bytes, said: Segment) -> Record:
        """A record that takes an earlier one away for good."""
        return self._record(key, (), (), LAST, said.line)

    def _record(
        self,
        key: bytes,
        rows: Sequence[TableRow],
        said: Sequence[Segment | None],
        version: int,
        line: int | None = None,
    ) -> Record:
        texts = [segment.text for segment in said if segment is not None]
        # The version is part of the content: the same said again later must outlive what came between.
        content = keyed(self.worker.record_key, "content", str(version), canonical(texts))[:16]
        position = line or next((segment.line for segment in said if segment is not None), None)
        return Record(key=key, content=content, rows=tuple(rows), position=position, version=version)
