"""Decide what enters the lake: duplicates dropped, refusals written down, batches committed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from federim.home import Home
from federim.lake import images, replaced
from federim.lake.check import faults
from federim.lake.entered import UNTOLD, Entered
from federim.lake.schema import table
from federim.lake.tables import LakeWriter
from federim_pipelines import pictures, versions
from federim_pipelines.accounting import Tally
from federim_pipelines.items import LAST, Fate, Item, Outcome, Reason, Record, Refusal, Row
from federim_pipelines.parked.lot import Bay
from federim_pipelines.quarantine import Quarantine
from federim_pipelines.review import Review
from federim_pipelines.settling import Naming, Settled, Settlement, TakenFile
from federim_pipelines.sources.content import CANNOT_OPEN

# A commit costs some tens of milliseconds whatever it holds, and makes small files if it holds little;
# what is not committed is read again after a crash.
ROWS_A_COMMIT = 10_000

RUN_TABLE = "run"


class Intake:
    """Takes outcomes in the order of their items; those of one file follow one another.

    Parameters
    ----------
    inputs : Naming
        What the items belong to.
    bay : Bay
        Where items wait of which something is about a person whose token cannot be had.
    file_done : callable
        Told of each file, once all of it is taken.
    """

    def __init__(
        self,
        home: Home,
        writer: LakeWriter,
        review: Review,
        *,
        run_id: str,
        inputs: Naming,
        bay: Bay,
        file_done: Callable[[], None],
        settled: Settled | None = None,
    ) -> None:
        self.tally = Tally()
        self._home = home
        self._writer = writer
        self._review = review
        self._run_id = run_id
        self._inputs = inputs
        self._bay = bay
        self._file_done = file_done
        self._settled = settled
        self._quarantine = Quarantine(home)
        self._file: TakenFile | None = None
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._waiting = 0  # rows
        self._seen: dict[bytes, Entered] = {}
        self._closed: list[tuple[Path, Settlement]] = []  # files whose last rows may wait still
        self._retained: Counter[tuple[int, str]] = Counter()
        self._discarded: set[str] = set()  # objects

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Take the outcomes of one batch.

        Raises
        ------
        StorageFull
            The disk refuses a commit; what was committed before stays.
        """
        records = [record for outcome in outcomes for record in outcome.records]
        keys = {key for record in records for key in (record.key, record.under) if key is not None}
        # With what waits: once a commit in the midst of this batch took it away, nobody else remembers it.
        known = self._writer.known(keys) | {key: self._seen[key] for key in keys & self._seen.keys()}
        faulty = _faulty(
            record for record in records if record.key not in known or record.version is not None
        )
        for outcome in outcomes:
            file = self._open(outcome.item)
            file.skipped.update(outcome.skipped)
            self.tally.skipped.update(outcome.skipped)
            self._park(file, outcome)
            for refusal in outcome.refusals:
                if refusal.reason is not Reason.PARKED:
                    self._refuse(file, refusal)
            before = file.accepted
            for record in outcome.records:
                self._settle(file, record, known, faulty.get(id(record)))
            if file.accepted > before:
                self._retained.update(outcome.retained)

    def close(self) -> None:
        """Close the last file, and commit what waits: what is derived from the tables finds all of it."""
        self._close()
        self._commit()

    def derive(self, records: Iterable[Record]) -> None:
        """Take records that no file told: what the lake's own tables amount to."""
        for record in records:
            held = self._seen.get(record.key) or self._writer.known([record.key]).get(record.key)
            if held is None or (held.content != record.content and versions.standing(record, held) > 0):
                self._enter(record)

    def finish(self, run: Row) -> None:
        """Commit what waits together with the run's own row."""
        counts = self.tally
        run |= {
            "files_read": counts.read,
            "files_accepted": counts.files[Fate.ACCEPTED],
            "files_duplicate": counts.files[Fate.DUPLICATE],
            "files_quarantined": counts.files[Fate.QUARANTINED],
        }
        self._add(RUN_TABLE, run)
        self._commit()
        for path in self._discarded:  # a batch that was read again elsewhere may have stored them once more
            images.discard(self._home, path)
        replaced.sweep(self._home, self._writer)  # files read again may have stored what the site replaced

    def _settle(
        self, file: TakenFile, record: Record, known: dict[bytes, Entered], fault: str | None
    ) -> None:
        held = self._seen.get(record.key) or known.get(record.key)
        if record.rows and self._order_is_gone(record, known):
            file.known += 1
            self.tally.records_duplicate += 1
            return
        standing = 1 if held is None else versions.standing(record, held)
        if held is not None and (standing < 0 or versions.says_the_same(record, held, self._subject(record))):
            if held.content == UNTOLD and record.object_path:
                self._discard(record.object_path)  # what the site replaced, stored again
            if standing > 0:
                # It says what it said, and a version between the two is older than that.
                known[record.key] = self._seen[record.key] = replace(held, version=record.version)
            file.known += bool(record.rows)
            self.tally.records_duplicate += 1
            return
        if fault is None and standing > 0:
            # `known` was asked for before this batch: it learns here what a commit in its midst took away.
            known[record.key] = self._enter(record)
            if record.under is not None and record.rows:
                known[record.under] = self._bind(record.under, known[record.key], known)
            file.accepted += bool(record.rows or (held and held.places))
            file.noted += 1
            self.tally.records_accepted += 1
            self.tally.records_replaced += held is not None
            return
        if held is not None and held.version == LAST:
            refusal = Refusal(reason=Reason.WITHDRAWN, position=record.position)
        elif fault is not None:
            refusal = Refusal(reason=Reason.SCHEMA, position=record.position, detail=fault)
        else:
            refusal = Refusal(reason=record.conflict, position=record.position)
        self._refuse(file, refusal, of_record=True)
        if record.object_path:
            # Its bytes hold its own SOPInstanceUID, so no record that is in the lake shares them.
            self._discard(record.object_path)

    def _discard(self, path: str) -> None:
        images.discard(self._home, path)
        self._discarded.add(path)

    def _order_is_gone(self, record: Record, known: dict[bytes, Entered]) -> bool:
        if record.under is None:
            return False
        order = self._seen.get(record.under) or known.get(record.under)
        return order is not None and order.version == LAST

    def _bind(self, order: bytes, entered: Entered, known: dict[bytes, Entered]) -> Entered:
        """Have an order hold the places of what was sent for it, which go when it is withdrawn."""
        held = self._seen.get(order) or known.get(order)
        before = () if held is None else held.places
        places = tuple(dict.fromkeys((*before, *entered.places)))
        bound = self._seen[order] = Entered(entered.content, 0, places, entered.subject)
        return bound

    def _enter(self, record: Record) -> Entered:
        # What waits may be an earlier version of it, whose rows would have to be found among the others.
        if record.key in self._seen or self._waiting + len(record.rows) > ROWS_A_COMMIT:
            self._commit()
        for name, row in record.rows:
            self._add(name, row)
        places = () if record.version is None else self._writer.places(record.rows)
        entered = Entered(record.content, record.version, places, self._subject(record))
        self._seen[record.key] = entered
        return entered

    def _subject(self, record: Record) -> bytes | None:
        person_id = next((row["person_id"] for _, row in record.rows if "person_id" in row), None)
        return None if person_id is None else self._writer.subject(person_id)

    def _park(self, file: TakenFile, outcome: Outcome) -> None:
        """Keep an item, encrypted, if any of it waits; a piece that waits again is kept already."""
        waiting = sum(refusal.reason is Reason.PARKED for refusal in outcome.refusals)
        if waiting and not outcome.item.sealed:
            try:
                self._bay.keep(outcome.item, name=file.name, digest=file.digest)
            except CANNOT_OPEN as error:  # gone since it was read
                self._refuse(file, Refusal(reason=Reason.UNREADABLE, detail=type(error).__name__))
                return
        file.parked += waiting
        self.tally.records_parked += waiting

    def _refuse(self, file: TakenFile, refusal: Refusal, *, of_record: bool = False) -> None:
        file.refused += 1
        file.opposed += refusal.reason is Reason.OPPOSED
        self.tally.refuse(refusal, record=of_record or refusal.position is not None)
        if self._waiting >= ROWS_A_COMMIT:
            self._commit()
        quarantine_id = self._quarantine.id(file.name, file.digest, refusal)
        if refusal.picture and refusal.person is not None:
            pictures.show(self._home, quarantine_id, refusal.picture, refusal.person)
        self._add(
            "quarantine",
            {
                "quarantine_id": quarantine_id,
                "run_id": self._run_id,
                "source": file.item.source,
                "item": self._quarantine.item(file.name),
                "position": refusal.position,
                "reason": refusal.reason.value,
                "detail": refusal.detail or None,
            },
        )

    def _open(self, item: Item) -> TakenFile:
        if self._file is not None and self._file.item.place == item.place:
            return self._file
        self._close()
        self._file = TakenFile(item, self._inputs)
        return self._file

    def _close(self) -> None:
        file = self._file
        if file is None:
            return
        if file.has_nothing_else:
            told = ", ".join(f"{kind} {count}" for kind, count in sorted(file.skipped.items()))
            self._refuse(file, Refusal(reason=Reason.NOT_SUPPORTED, detail=f"nothing but {told}"))
        settlement = file.settlement
        self.tally.files[settlement.fate] += 1
        if self._settled is not None:
            self._closed.append((file.item.path, settlement))
        self._file = None
        self._file_done()

    def _add(self, name: str, row: Row) -> None:
        self._rows[name].append(row)
        self._waiting += 1

    def _commit(self) -> None:
        self._review.add(self._writer.next_batch, self._retained)
        added = self._writer.commit(self._rows, self._seen)
        self.tally.rows.update({name: count for name, count in added.items() if name != RUN_TABLE and count})
        self._rows, self._seen, self._waiting = defaultdict(list), {}, 0
        self._retained = Counter()
        closed, self._closed = self._closed, []
        for path, settlement in closed:
            assert self._settled is not None  # or nothing would have been kept
            self._settled(path, settlement)


def _faulty(records: Iterable[Record]) -> dict[int, str]:
    """The records, by `id`, of which a row is not what its table declares; with the first fault of each."""
    rows: dict[str, list[Row]] = defaultdict(list)
    owners: dict[str, list[int]] = defaultdict(list)
    for record in records:
        for name, row in record.rows:
            rows[name].append(row)
            owners[name].append(id(record))
    found: dict[int, str] = {}
    for name, given in rows.items():
        for place, fault in faults(table(name), given).items():
            found.setdefault(owners[name][place], f"{name}.{fault}")
    return found
