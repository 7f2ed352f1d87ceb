"""Carry out late links: the rows, objects and snapshots of persons who have another pseudonym now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from federim.audit import trail
from federim.home import Home
from federim.identity.exchange import Exchange, Rewriting
from federim.lake.rewriting import Change, rewrite
from federim.lake.tables import LakeWriter
from federim.model.errors import IdentityError, LakeError
from federim_pipelines.deidentify.dispositions import Dispositions, load_dispositions
from federim_pipelines.deidentify.private import PrivateRules
from federim_pipelines.forgetting.beside import renamed
from federim_pipelines.late_link import change_of
from federim_pipelines.progress import Silence, Watch
from federim_pipelines.rekeying import Rekeying

# New objects lie beside the old ones until the rows speak of them: no more than that many at a time.
OBJECTS_AT_A_TIME: Final = 20_000
PERSONS_AT_A_TIME: Final = 200


@dataclass(frozen=True, kw_only=True)
class Relinked:
    """What was done: persons, their live rows, objects and snapshots; and the persons it could not be for."""

    persons: int = 0
    rows: int = 0
    objects: int = 0
    snapshots: int = 0
    left: int = 0

    def __add__(self, other: Relinked) -> Relinked:
        return Relinked(
            persons=self.persons + other.persons,
            rows=self.rows + other.rows,
            objects=self.objects + other.objects,
            snapshots=self.snapshots + other.snapshots,
            left=self.left + other.left,
        )


def relink(
    home: Home,
    writer: LakeWriter,
    *,
    dispositions: Path | None = None,
    progress: Watch | None = None,
    actor: str,
) -> Relinked:
    """Give whatever the home holds of persons with a late link their new pseudonym, dates and UIDs.

    Afterwards the home is as if the link had been known from the beginning: the same input read again adds
    nothing. Killed anywhere, the same call completes it. Nothing happens where nobody waits.

    Parameters
    ----------
    dispositions : path
        The site's word on private attributes, under which the objects were made.

    Raises
    ------
    StorageFull
        The disk refuses; the next call goes on from there.
    """
    with Exchange.open(home) as exchange:
        waiting = exchange.rewritings()
        done = Relinked()
        if not waiting:
            return done
        watch = progress or Silence()
        watch.stage("late links", len(waiting))
        private = PrivateRules(Dispositions() if dispositions is None else load_dispositions(dispositions))
        for some in _together(home, exchange, waiting, private, writer.dropped):
            done += _carry_out(home, exchange, writer, some, actor=actor)
            for _ in some:
                watch.advance()
    return done


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One person's change, its new objects stored; None where an object could not be had."""

    rewriting: Rewriting
    change: Change | None


def _together(
    home: Home,
    exchange: Exchange,
    waiting: Sequence[Rewriting],
    private: PrivateRules,
    replaced: Sequence[str],
) -> Iterator[list[_Prepared]]:
    """Persons in groups small enough to be held, and for the disk."""
    group: list[_Prepared] = []
    objects = 0
    for rewriting in waiting:
        prepared = _prepare(home, exchange, rewriting, private, replaced)
        group.append(prepared)
        objects += 0 if prepared.change is None else len(prepared.change.objects)
        if objects >= OBJECTS_AT_A_TIME or len(group) >= PERSONS_AT_A_TIME:
            yield group
            group, objects = [], 0
    if group:
        yield group


def _prepare(
    home: Home, exchange: Exchange, rewriting: Rewriting, private: PrivateRules, replaced: Sequence[str]
) -> _Prepared:
    old = rewriting.old.person_id
    link = Rekeying(
        old=rewriting.old,
        new=rewriting.new,
        originals=exchange.originals(old),
        record_key=home.secret("record"),
    )
    # First: what no row bears yet harms nobody, and what a row bears must be remembered.
    exchange.remember_originals({rewriting.new.person_id: link.anew()})
    try:
        return _Prepared(rewriting, change_of(home, link, private, replaced=replaced))
    except LakeError:
        return _Prepared(rewriting, None)


def _carry_out(
    home: Home, exchange: Exchange, writer: LakeWriter, group: Sequence[_Prepared], *, actor: str
) -> Relinked:
    ready = [(each.rewriting, each.change) for each in group if each.change is not None]
    if not ready:
        return Relinked(left=len(group))
    rewritten = rewrite(home, writer, *(change for _, change in ready))
    done = Relinked(
        persons=len(ready),
        rows=sum(rewritten.tables.values()),
        objects=sum(len(change.objects) for _, change in ready),
        snapshots=len(rewritten.snapshots),
        left=len(group) - len(ready),
    )
    trail.record(
        home,
        actor,
        "vault.relink",
        persons=done.persons,
        rows=done.rows,
        objects=done.objects,
        snapshots=done.snapshots,
    )
    for rewriting, _ in ready:
        renamed(home, rewriting.old.person_id, rewriting.new.person_id)
    with suppress(IdentityError):  # somebody reads the vault: the next call comes to an end with them
        exchange.rewritten(*(rewriting.old.person_id for rewriting, _ in ready))
    return done
