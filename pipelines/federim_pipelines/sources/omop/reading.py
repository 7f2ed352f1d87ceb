"""Read the tables of an OMOP Common Data Model, one record a row."""

from __future__ import annotations

import datetime as dt
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress

from federim.keys import canonical, keyed
from federim.model.identifiers import Ipp, LocalId, PatientIdentity, Sex, Subject
from federim_pipelines.deidentify.dates import year_of_birth
from federim_pipelines.extract.facts import FEMALE, MALE, UNKNOWN_GENDER, Facts, part_key, person
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Item, Outcome, Reason, Record, Refusal, Row
from federim_pipelines.sources.archive import why_member_refused
from federim_pipelines.sources.omop.events import Event
from federim_pipelines.sources.omop.names import Names
from federim_pipelines.sources.omop.rows import Cells, header, rows, spans
from federim_pipelines.sources.omop.tables import LEFT, PERSON, VISIT, VOCABULARY, table_of
from federim_pipelines.worker import Worker

__all__ = ["KIND", "claims", "identities", "read", "spans"]

KIND = "omop"
ISSUER = "omop"  # of person_id, which the model's own loader numbered

_SEXES = {str(MALE): (Sex.MALE, MALE), str(FEMALE): (Sex.FEMALE, FEMALE)}


def claims(item: Item) -> bool:
    """Whether a file bears the name of a table of the model, and columns as only the model has."""
    if table_of(item) is None:
        return False
    with suppress(Unusable, OSError, EOFError, zipfile.BadZipFile, zlib.error):
        return any("concept_id" in name or name == "cohort_definition_id" for name in header(item))
    return False


def identities(item: Item) -> Iterator[PatientIdentity]:
    """The persons of table person; what cannot be read is left for `read` to refuse."""
    if table_of(item) != PERSON:
        return
    with suppress(OSError, Unusable):
        if item.member and why_member_refused(item.path, item.member):
            return
        for _, cells in rows(item):
            if not isinstance(cells, Unusable):
                with suppress(Unusable):
                    yield _identity(cells)


def read(item: Item, worker: Worker) -> Outcome:
    """The records of a span of rows; a row that cannot be read is refused alone, by number and column.

    Rows of a table that the lake has none for are counted by the table's name. Tables of the vocabulary
    make no row and no count: they say what the others' concepts are called.
    """
    table = table_of(item)
    outcome = Outcome(item, [], [])
    if item.member and (why := why_member_refused(item.path, item.member)):
        outcome.refusals.append(Refusal(reason=Reason.NOT_SUPPORTED, detail=why))
        return outcome
    if table is None or table in VOCABULARY:
        return outcome
    try:
        if table in LEFT:
            count = sum(1 for _ in rows(item))
            outcome.skipped.update({table: count} if count else {})
            return outcome
        missing = {f"{table}_id", "person_id"} - set(header(item))
        if missing:
            raise Unusable(Reason.UNREADABLE, f"column {min(missing)} is missing")
        name = Names(item, worker.codebook)
        for position, cells in rows(item):
            _take(outcome, table, position, cells, name, worker)
    except Unusable as refused:
        if item.start == 0:  # the file's fault, told once
            outcome.refusals.append(Refusal(reason=refused.reason, detail=refused.detail))
    return outcome


def _take(
    outcome: Outcome, table: str, position: int, cells: Cells | Unusable, name: Names, worker: Worker
) -> None:
    try:
        if isinstance(cells, Unusable):
            raise cells
        outcome.records.append(_record(table, position, cells, name, worker))
    except Unusable as refused:
        outcome.refusals.append(Refusal(reason=refused.reason, position=position, detail=refused.detail))


def _record(table: str, position: int, cells: Cells, name: Names, worker: Worker) -> Record:
    key = _record_key(worker, table, _told(cells, f"{table}_id"))
    identity = _identity(cells) if table == PERSON else _identified(cells)
    trade = worker.subjects.learn if table == PERSON else worker.subjects.find
    subject = trade(identity, "column person_id")
    if subject is None:
        raise Unusable(Reason.PATIENT_UNKNOWN, "column person_id")
    if table == PERSON:
        row = _person(cells, identity, subject, worker)
    else:
        stay = None if table == VISIT else cells.get("visit_occurrence_id")
        visit = None if stay is None else part_key(_record_key(worker, VISIT, stay), VISIT, 0)
        facts = Facts(subject=subject, codebook=worker.codebook, visit_occurrence_id=visit)
        row = Event(cells, name).row(table, facts, part_key(key, table, 0))
    return Record(
        key=key,
        content=keyed(worker.record_key, "content", canonical(sorted(cells.items())))[:16],
        rows=(row,),
        position=position,
    )


def _record_key(worker: Worker, table: str, number: str) -> bytes:
    return keyed(worker.record_key, KIND, table, number)[:16]


def _identified(cells: Cells) -> PatientIdentity:
    return PatientIdentity(local=(LocalId(issuer=ISSUER, value=Ipp(_told(cells, "person_id"))),))


def _identity(cells: Cells) -> PatientIdentity:
    sex, _ = _SEXES.get(cells.get("gender_concept_id") or "", (None, UNKNOWN_GENDER))
    return PatientIdentity(
        local=(LocalId(issuer=ISSUER, value=Ipp(_told(cells, "person_id"))),),
        birth_date=_born(cells) if cells.get("month_of_birth") and cells.get("day_of_birth") else None,
        sex=sex,
    )


def _person(cells: Cells, identity: PatientIdentity, subject: Subject, worker: Worker) -> tuple[str, Row]:
    _, gender = _SEXES.get(cells.get("gender_concept_id") or "", (None, UNKNOWN_GENDER))
    born = identity.birth_date or _born(cells)
    return person(subject, worker.home.name, year_of_birth=year_of_birth(born, worker.year), gender=gender)


def _born(cells: Cells) -> dt.date:
    """The birth date; its month and day are 1 where the source does not say."""
    parts = [cells.get(f"{part}_of_birth") or "1" for part in ("year", "month", "day")]
    try:
        return dt.date(*(int(part) for part in parts))
    except (ValueError, OverflowError):
        raise Unusable(Reason.DATE_UNUSABLE, "columns year_of_birth, month_of_birth, day_of_birth") from None


def _told(cells: Cells, column: str) -> str:
    text = cells.get(column)
    if text is None:
        reason = Reason.PATIENT_UNKNOWN if column == "person_id" else Reason.UNREADABLE
        raise Unusable(reason, f"column {column}: a row's name is missing")
    return text
