"""Count what a run read, by file and by record, so that the numbers add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from federim_pipelines.items import Fate, Reason, Refusal

DISTINCT_DETAILS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCounts:
    """What became of the records: read = accepted + duplicates + parked + quarantined + skipped.

    `skipped` are records of a kind the lake has no table for, or that say of themselves that they are void.
    Those `parked` wait, encrypted, for the key server.
    Of those accepted, `replaced` took the place of an earlier version, or withdrew it. A version older than
    what is there is a duplicate.
    """

    accepted: int
    replaced: int
    duplicates: int
    parked: int
    quarantined: int
    skipped: int

    @property
    def read(self) -> int:
        return self.accepted + self.duplicates + self.parked + self.quarantined + self.skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a run did. The unit is the file, a member of an archive being one.

    A file of records is accepted if any of them entered the lake, else parked if any of them waits for the
    key server, else a duplicate if any was there already, else quarantined; so read = accepted + parked +
    duplicates + quarantined. `resumed` counts the pieces parked before that were read first, as files of
    runs of their own. `ignored` files (DICOMDIR, files without a record) are not among them. `registers`
    counts the authorities whose patient numbers were taken for the site's own, where the site lists none:
    with two, two patients may have been taken for one.
    """

    run: str
    accepted: int
    duplicates: int
    parked: int
    quarantined: int
    ignored: int
    reasons: Mapping[Reason, int]  # refusals, of files and of records in them
    details: Mapping[tuple[Reason, str], int]  # of files refused whole, the first few hundred kinds of them
    records: RecordCounts
    skipped: Mapping[str, int]  # skipped records by kind
    rows: Mapping[str, int]  # added, by table
    registers: int
    seconds: float
    resumed: int = 0

    @property
    def read(self) -> int:
        return self.accepted + self.duplicates + self.parked + self.quarantined

    def as_json(self) -> dict[str, Any]:
        """The report as the documented JSON document."""
        return {
            "run": self.run,
            "read": self.read,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "parked": self.parked,
            "resumed": self.resumed,
            "quarantined": self.quarantined,
            "ignored": self.ignored,
            "reasons": {reason.value: count for reason, count in self.reasons.items()},
            "records": {"read": self.records.read, **asdict(self.records)},
            "skipped": dict(self.skipped),
            "rows": dict(self.rows),
            "registers": self.registers,
            "seconds": self.seconds,
        }


@dataclass
class Tally:
    """The numbers of a run while it goes on."""

    files: Counter[Fate] = field(default_factory=Counter)
    records_accepted: int = 0
    records_replaced: int = 0
    records_duplicate: int = 0
    records_parked: int = 0
    records_quarantined: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)
    details: Counter[tuple[Reason, str]] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    registers: int = 0

    @property
    def read(self) -> int:
        """Files read so far, those without a record apart."""
        return self.files.total() - self.files[Fate.IGNORED]

    def refuse(self, refusal: Refusal, *, record: bool) -> None:
        """Count a refusal, of a record or of a whole file."""
        self.reasons[refusal.reason] += 1
        if record:
            self.records_quarantined += 1
            return
        kind = (refusal.reason, refusal.detail)
        # A detail may hold a count of bytes, different in every file.
        if refusal.detail and (kind in self.details or len(self.details) < DISTINCT_DETAILS):
            self.details[kind] += 1

    def report(self, run: str, seconds: float) -> RunReport:
        """The numbers so far."""
        return RunReport(
            run=run,
            accepted=self.files[Fate.ACCEPTED],
            duplicates=self.files[Fate.DUPLICATE],
            parked=self.files[Fate.PARKED],
            quarantined=self.files[Fate.QUARANTINED],
            ignored=self.files[Fate.IGNORED],
            reasons=dict(sorted(self.reasons.items())),
            details=dict(self.details.most_common()),
            records=RecordCounts(
                accepted=self.records_accepted,
                replaced=self.records_replaced,
                duplicates=self.records_duplicate,
                parked=self.records_parked,
                quarantined=self.records_quarantined,
                skipped=self.skipped.total(),
            ),
            skipped=dict(sorted(self.skipped.items())),
            rows=dict(sorted(self.rows.items())),
            registers=self.registers,
            seconds=round(seconds, 3),
        )
