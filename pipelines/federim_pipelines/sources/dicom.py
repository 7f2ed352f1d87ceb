"""Read one DICOM file: refuse it, or make of it a de-identified object and its rows."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from federim.keys import keyed
from federim.lake import images
from federim.model.identifiers import SiteName
from federim_pipelines.deidentify.cleaned import Cleaned
from federim_pipelines.extract.annotations import rows_of as annotation_rows_of
from federim_pipelines.extract.imaging import rows_of
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Item, Outcome, Reason, Record, Refusal, Row
from federim_pipelines.keying import Keying
from federim_pipelines.sources.archive import listing, why_member_refused
from federim_pipelines.sources.content import opened
from federim_pipelines.sources.sniff import HEAD_BYTES, Kind, sniff

if TYPE_CHECKING:
    from federim_pipelines.worker import Worker

KIND = "folder"


def read(item: Item, worker: Worker) -> Outcome:
    """The record of one instance, its object stored; or one refusal.

    Raises
    ------
    FederimError
        Of the vault, the lake or the disk: it concerns the run, not this file.
    Exception
        Whatever pydicom raises on a damage nobody foresaw; its text may quote the file.
    """
    try:
        with _cleaned(item, worker) as cleaned:
            return Outcome(item, [_record(cleaned, worker)], [], retained=cleaned.retained)
    except Unusable as unusable:
        refusal = Refusal(
            reason=unusable.reason,
            detail=unusable.detail,
            picture=unusable.picture,
            person=unusable.person,
        )
        return Outcome(item, [], [refusal])


def instance_key(record_key: bytes, uid: str) -> bytes:
    """The key of an instance's record, 16 bytes, by its SOPInstanceUID as the source wrote it."""
    return keyed(record_key, "instance", uid.strip())[:16]


def _cleaned(item: Item, worker: Worker) -> Cleaned:
    """The file, de-identified if it begins as DICOM does."""
    if item.member and (refused := why_member_refused(item.path, item.member)):
        raise Unusable(Reason.UNREADABLE, refused)
    try:
        with opened(item) as file:
            head = file.read(HEAD_BYTES)
            kind = sniff(head)
            if kind is Kind.DICOM:
                if not item.member:
                    return worker.deidentifier.file(item.path)
                return worker.deidentifier.content(head + file.read())
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise Unusable(Reason.UNREADABLE, type(error).__name__) from None
    if kind is Kind.EMPTY:
        raise Unusable(Reason.EMPTY, "")
    if kind is Kind.ZIP and not item.member:
        raise Unusable(Reason.UNREADABLE, listing(item.path).refused or "archive without a member")
    raise Unusable(Reason.NOT_SUPPORTED, "archive inside an archive" if kind is Kind.ZIP else "")


def _record(cleaned: Cleaned, worker: Worker) -> Record:
    key = instance_key(worker.record_key, str(cleaned.raw.get("SOPInstanceUID")))
    stored = images.store(worker.home, cleaned)
    rows = rows_of(
        cleaned.raw,
        cleaned.clean,
        Keying(cleaned.subject, worker.originals),
        stored=stored,
        transfer_syntax=cleaned.transfer_syntax,
        site=worker.home.name,
        year=worker.year,
    )
    try:
        rows += annotation_rows_of(
            str(cleaned.clean.get("SOPClassUID")),
            images.read(worker.home, stored.path),
            cleaned.subject,
            key,
            worker.codebook,
        )
        cleaned.prove(_beyond(rows, cleaned.head + cleaned.tail, worker.home.name))
    except Exception:
        images.discard(worker.home, stored.path)
        raise
    return Record(
        key=key,
        content=bytes.fromhex(stored.sha256)[:16],
        rows=rows,
        conflict=Reason.INSTANCE_CONFLICT,
        object_path=stored.path,
    )


def _beyond(rows: Iterable[tuple[str, Row]], header: bytes, site: SiteName) -> Iterator[str]:
    """The texts of rows that have not been searched already, word for word, in the header.

    The site's name, often its hospital's, is in every row by the consortium's choice.
    """
    for _, row in rows:
        for value in row.values():
            if isinstance(value, str) and value != site and value.encode() not in header:
                yield value
