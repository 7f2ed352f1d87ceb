"""Remove what is too old: datasets past their review, and facts past the retention period."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final, Protocol

from federim.audit import trail
from federim.database import alias
from federim.governance.members import member_named
from federim.governance.models import Release
from federim.governance.permissions import check_can_purge
from federim.governance.retention import record
from federim.governance.retention.calendar import later
from federim.governance.retention.datasets import Sort, datasets
from federim.governance.retention.journal import Group, Journal
from federim.governance.retention.record import Purged, PurgeRecord
from federim.governance.rights import releases
from federim.home import Home, Role
from federim.identity.retention import Retention
from federim.lake import purging, replaced, snapshot, tombstone
from federim.lake.locks import copying
from federim.lake.purging import Expired
from federim.lake.rewriting import rewrite
from federim.lake.tables import Lake, LakeWriter
from federim.lake.tombstone import Tombstone
from federim.model.identifiers import Pseudonym

PERSONS_AT_A_TIME: Final = 200
PURGE: Final = "purge"


class Beside(Protocol):
    """A place beside the lake that persons are removed from; again after a kill, it completes that."""

    def __call__(self, home: Home, persons: Sequence[Pseudonym]) -> object:
        """Remove them."""


def foresee(home: Home, actor: str, *, today: date) -> Purged:
    """What `purge` would remove; nothing changes.

    Raises
    ------
    NotAllowed
        The actor is no officer of this site.
    """
    check_can_purge(member_named(home.require(Role.SITE), actor))
    with Retention.open(home) as vault, copying(home):
        found = _overdue(home, today)
        for expired in _expired(home, vault, today, without=found.snapshots):
            found += Purged.of(expired, revised=sorted(expired.snapshots))
    return found


def purge(home: Home, actor: str, *, today: date, beside: Sequence[Beside] = ()) -> PurgeRecord:
    """Remove it for good. The same call after a kill at any point completes what was begun.

    Nobody is put on the list of those who object: what is told of them anew is read.

    Parameters
    ----------
    beside
        Whence else persons go of whom nothing is left.

    Raises
    ------
    NotAllowed
        The actor is no officer of this site.
    LakeError
        Another run is writing to the lake, or reading its index.
    IdentityError
        Another program reads the vault. In both cases the same call later completes the rest.
    StorageFull
        The disk refuses; make room, and call again.
    """
    check_can_purge(member_named(home.require(Role.SITE), actor))
    with Retention.open(home) as vault, Lake(home).writing() as writer:
        begun = Journal.read(home)
        journal = begun or Journal.begin(today)
        if journal.group is not None:
            journal = _remove_persons(home, vault, writer, journal, beside)
        journal = replace(journal, day=max(journal.day, today))
        journal = replace(journal, purged=journal.purged + _overdue(home, journal.day)).write(home)
        _remove_datasets(home, journal, actor)
        for expired in _expired(home, vault, journal.day):
            journal = replace(journal, group=_group(home, journal, expired)).write(home)
            journal = _remove_persons(home, vault, writer, journal, beside)
        if begun or journal.purged.anything:
            rewrite(home, writer)  # what snapshots alone pinned, or a kill left
            replaced.sweep(home, writer)
    return _end(home, journal, actor)


def _overdue(home: Home, today: date) -> Purged:
    """The datasets that nobody said to keep."""
    due = [each for each in datasets(home) if each.overdue(today)]
    return Purged(
        snapshots=tuple(sorted(each.name for each in due if each.sort is Sort.SNAPSHOT)),
        releases=tuple(sorted(each.name for each in due if each.sort is Sort.RELEASE)),
    )


def _remove_datasets(home: Home, journal: Journal, actor: str) -> None:
    going = set(journal.purged.snapshots)
    for frozen in snapshot.every(home):
        if frozen.id in going:
            tombstone.bury(home, Tombstone(snapshot=frozen.id, sha256=frozen.sha256))
    every = Release.objects.using(alias(home)).filter(site=home.name)
    for release in every.filter(name__in=journal.purged.releases):
        releases.withdraw(home, release, because=PURGE, about=journal.id, actor=actor)


def _expired(home: Home, vault: Retention, today: date, *, without: Sequence[str] = ()) -> Iterator[Expired]:
    """What is too old, some persons at a time."""
    oldest = later(today, -12 * home.settings.retention_years)
    persons = purging.candidates(home, oldest)
    for start in range(0, len(persons), PERSONS_AT_A_TIME):
        some = persons[start : start + PERSONS_AT_A_TIME]
        expired = purging.expired(home, _since(vault, some, oldest), without=without)
        if expired.whole or expired.part:
            yield expired


def _since(vault: Retention, persons: Sequence[Pseudonym], oldest: date) -> dict[Pseudonym, date]:
    """The first day that stays of each person's facts, as the lake has days."""
    return {person: oldest + timedelta(days=days) for person, days in vault.shifts(persons).items()}


def _group(home: Home, journal: Journal, expired: Expired) -> Group:
    return Group(
        whole=expired.whole,
        part=expired.part,
        keyed={person: tuple(sorted(values)) for person, values in expired.keyed.items()},
        goes=Purged.of(expired, revised=_not_counted(home, journal, expired.snapshots)),
    )


def _not_counted(home: Home, journal: Journal, snapshots: frozenset[str]) -> list[str]:
    """Of snapshots that are revised, those that do not stand already for one that this purge revised."""
    tombstones = tombstone.every(home)
    return sorted(snapshots - {tombstone.heir(tombstones, each) for each in journal.purged.revised})


def _remove_persons(
    home: Home, vault: Retention, writer: LakeWriter, journal: Journal, beside: Sequence[Beside]
) -> Journal:
    """Carry out the journal's group; again after a kill, it completes it."""
    group = journal.group
    assert group is not None
    for place in beside:
        place(home, group.whole)
    oldest = later(journal.day, -12 * home.settings.retention_years)
    changes = purging.changes(home, group.whole, _since(vault, group.part, oldest))
    done = rewrite(home, writer, *changes)
    vault.forget(group.whole, group.keyed, lambda names: purging.held(home, names))
    return replace(
        journal,
        purged=journal.purged + group.goes,
        group=None,
        rows_left=journal.rows_left + done.rows_left,
    ).write(home)


def _end(home: Home, journal: Journal, actor: str) -> PurgeRecord:
    made = PurgeRecord(
        id=journal.id,
        day=journal.day.isoformat(),
        begun_at=journal.begun_at,
        ended_at=datetime.now(UTC).isoformat(timespec="seconds"),
        purged=journal.purged,
        rows_left=journal.rows_left,
    )
    record.keep(home, made)
    # Once, however often a kill has this carried out.
    if all(event.detail.get("purge") != journal.id for event in trail.events(home, act="retention.purge")):
        trail.record(
            home, actor, "retention.purge", purge=made.id, left=made.rows_left, **made.purged.counts()
        )
    journal.end(home)
    return made
