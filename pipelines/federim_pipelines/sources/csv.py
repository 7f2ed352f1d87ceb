"""Read CSV files by a column mapping, one record a row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import BinaryIO

from federim.keys import canonical, keyed
from federim.model.identifiers import Ipp, LocalId, PatientIdentity
from federim_pipelines.extract.columns import Reading
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Item, Outcome, Reason, Record, Refusal
from federim_pipelines.sources.content import open_file, opened
from federim_pipelines.sources.mapping import CsvFile
from federim_pipelines.worker import Worker

KIND = "csv"
SPAN_BYTES = 2 << 20  # of rows, for one worker: some 20,000 short ones
LONGEST_ROW_BYTES = 64 << 20  # a row without an end by then is a quote left open

Cells = list[str] | csv.Error  # a row, or why it is none


@dataclass(frozen=True, slots=True)
class Header:
    """How many cells a row has, and in which each column is."""

    width: int
    place: Mapping[str, int]


def spans(item: Item) -> Iterator[Item]:
    """The pieces of one file, cut after a row; only the first holds the header, which is row 1."""
    if item.member:
        yield item
        return
    start, row, rest = 0, 1, b""
    with open_file(item.path) as file:
        while block := file.read(SPAN_BYTES):
            rest += block
            length, rows = _whole_rows(rest)
            if length:
                yield replace(item, start=start, end=start + length, first_line=row)
                start, row, rest = start + length, row + rows, rest[length:]
            elif len(rest) > LONGEST_ROW_BYTES:
                break  # the reader refuses that row; where another would begin, nobody knows
    if rest or start == 0:
        yield replace(item, start=start, end=start + len(rest), first_line=row)


def first_row(item: Item) -> bytes:
    """The bytes of the row of names, its line break included, in which a quoted name may hold another."""
    row = b""
    with opened(Item(source=item.source, path=item.path, member=item.member)) as content:
        for line in content:
            row += line
            if row.count(b'"') % 2 == 0:
                break
    return row


def identities(item: Item, file: CsvFile) -> Iterator[PatientIdentity]:
    """The persons a register names; what cannot be read is left for `read` to refuse."""
    if not file.person.is_register:
        return
    last = None
    with suppress(OSError, Unusable), opened(item) as content:
        rows = _rows(content, file)
        header = _header(next(rows, []), file)
        for cells in rows:
            if not isinstance(cells, list) or len(cells) != header.width:
                continue
            # A register of stays names a person on several rows, most often next to each other.
            if (key := cells[header.place[file.person.key]].strip()) != last:
                last = key
                if key not in file.missing:
                    yield _identity(key, file)


def read(item: Item, worker: Worker) -> Outcome:
    """The records of a span of rows; a row that cannot be read is refused alone, by number and column."""
    file = worker.mapping.covering(item.file_name) if worker.mapping else None
    if file is None:
        return Outcome(item, [], [Refusal(reason=Reason.NOT_SUPPORTED, detail="CSV that no mapping covers")])
    try:
        header = _header_of(item, file)
    except Unusable as refused:
        # The file's fault, told once.
        refusals = [Refusal(reason=refused.reason, detail=refused.detail)] if item.start == 0 else []
        return Outcome(item, [], refusals)
    outcome = Outcome(item, [], [])
    reading = Reading(file, worker.home.name, worker.year, worker.codebook)
    with opened(item) as content:
        for position, cells in enumerate(_rows(content, file), start=item.first_line):
            if position == 1 or cells == []:
                continue
            try:
                outcome.records.append(_record(cells, position, header, reading, worker))
            except Unusable as refused:
                refusal = Refusal(reason=refused.reason, position=position, detail=refused.detail)
                outcome.refusals.append(refusal)
    return outcome


def _record(cells: Cells, position: int, header: Header, reading: Reading, worker: Worker) -> Record:
    file = reading.file
    if isinstance(cells, csv.Error):
        open_quote = "end of data" in str(cells)
        raise Unusable(
            Reason.TRUNCATED if open_quote else Reason.UNREADABLE, "a quote is not closed where it should"
        )
    if len(cells) != header.width:
        raise Unusable(Reason.UNREADABLE, f"{len(cells)} cells where the header has {header.width}")
    if not _decoded(cells):
        raise Unusable(Reason.UNREADABLE, f"bytes that are not {file.encoding}")

    def cell(column: str) -> str | None:
        text = cells[header.place[column]].strip()
        return None if text in file.missing else text

    where = f"column {file.person.key}"
    key = cell(file.person.key)
    if key is None:
        raise Unusable(Reason.PATIENT_UNKNOWN, where)
    trade = worker.subjects.learn if file.person.is_register else worker.subjects.find
    subject = trade(_identity(key, file), where)
    if subject is None:
        raise Unusable(Reason.PATIENT_UNKNOWN, where)
    names = [cell(column) for column in file.id]
    if None in names:
        raise Unusable(Reason.UNREADABLE, f"column {file.id[names.index(None)]}: a row's name is missing")
    named = ["id", *map(str, names)] if names else ["row", *cells]
    record_key = keyed(worker.record_key, KIND, file.pattern, *named)[:16]
    return Record(
        key=record_key,
        content=keyed(worker.record_key, "content", canonical(cells), file.fingerprint)[:16],
        rows=tuple(reading.rows(cell, subject, record_key)),
        position=position,
    )


def _identity(key: str, file: CsvFile) -> PatientIdentity:
    return PatientIdentity(local=(LocalId(issuer=file.person.issuer, value=Ipp(key)),))


def _rows(content: BinaryIO, file: CsvFile) -> Iterator[Cells]:
    """Every row, an unreadable one as the error it gave; undecodable bytes become lone surrogates."""
    lines = (line.decode(file.encoding, "surrogateescape") for line in content)
    reader = csv.reader(lines, delimiter=file.delimiter, strict=True)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield error


def _header_of(item: Item, file: CsvFile) -> Header:
    with opened(Item(source=KIND, path=item.path, member=item.member)) as content:
        return _header(next(_rows(content, file), []), file)


def _header(cells: Cells, file: CsvFile) -> Header:
    """Read the first row.

    Raises
    ------
    Unusable
        The first row is no header, or a column the mapping speaks of is missing or there twice.
    """
    if isinstance(cells, csv.Error) or not cells:
        raise Unusable(Reason.UNREADABLE, "the first row is not a header")
    names = [name.strip() for name in cells]
    names[0] = names[0].removeprefix(
        "\N{ZERO WIDTH NO-BREAK SPACE}"
    )  # what marks UTF-8 in files from a spreadsheet
    for column in sorted(file.columns):
        if names.count(column) > 1:
            raise Unusable(Reason.UNREADABLE, f"column {column} is there {names.count(column)} times")
        if column not in names:
            # Where a file has no header its first row is a patient's, who may be called much like a column:
            # a name is repeated only beside another that is the mapping's own.
            near = (
                [] if file.columns.isdisjoint(names) else get_close_matches(column, names, n=1, cutoff=0.75)
            )
            hint = f"; the nearest is {near[0]}" if near else ""
            raise Unusable(Reason.UNREADABLE, f"column {column} is missing{hint}")
    return Header(len(names), {name: place for place, name in enumerate(names)})


def _decoded(cells: list[str]) -> bool:
    return all(text.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in text) for text in cells)


def _whole_rows(content: bytes) -> tuple[int, int]:
    """Length and number of the whole rows at the start of `content`; a newline in quotes ends none."""
    pieces = content.split(b'"')
    end, rows, offset = 0, 0, 0
    for place, piece in enumerate(pieces):
        if place % 2 == 0 and b"\n" in piece:
            end = offset + piece.rindex(b"\n") + 1
            rows += piece.count(b"\n")
        offset += len(piece) + 1
    return end, rows
