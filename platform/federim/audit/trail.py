"""Record an act in the transaction that performs it, and prove the record whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connections, transaction

from federim.audit import chain
from federim.audit.models import Event
from federim.database import alias
from federim.home import Home
from federim.keys import keyed
from federim.model.errors import NotApproved, VerificationFailed
from federim.trust.roots import TrustRoots

ROWS_AT_A_TIME = 2_000  # verification streams; a trail of years must not fill memory


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """Whether the trail is whole; `broken_at` is the sequence of the first event that is not as written."""

    events: int
    ok: bool
    broken_at: int | None = None
    reason: str = ""
    head: str = chain.GENESIS  # hash of the last event: noted elsewhere, it dates the whole trail


@contextmanager
def acting(home: Home, actor: str, act: str, **detail: str | int) -> Iterator[chain.Detail]:
    """Do something and record it, in one transaction on the home's database: both happen or neither.

    Yields the event's detail, to which what is known only afterwards may be added.

    Raises
    ------
    UserError
        Actor, act or detail is anything but short tokens and whole numbers.
    """
    told: chain.Detail = dict(detail)
    chain.check_words(actor, act, told)
    with transaction.atomic(using=alias(home)):
        yield told
        chain.check_words(actor, act, told)
        _append(home, actor, act, told)


def record(home: Home, actor: str, act: str, **detail: str | int) -> None:
    """Record something that changes no row of the database, such as files already written."""
    with acting(home, actor, act, **detail):
        pass


def digest(home: Home, uid: str) -> str:
    """What an event says in the place of a UID, 32 hexadecimal digits: only who has the UID finds it again.

    The trail is kept when a person's UIDs go from everywhere else.
    """
    return keyed(home.secret("audit"), uid).hex()[:32]


def events(home: Home, *, act: str = "", limit: int | None = None) -> list[Event]:
    """The latest events, newest first; `act` keeps those of one act or family ("export")."""
    found = Event.objects.using(alias(home)).order_by("-sequence")
    if act:
        found = found.filter(act=act) | found.filter(act__startswith=f"{act}.")
    return list(found if limit is None else found[:limit])


def verify(home: Home) -> ChainReport:
    """Read the whole trail and find the first event that was changed, removed, inserted or moved."""
    total = Event.objects.using(alias(home)).count()
    previous, count = chain.GENESIS, 0
    roots = home.trust_roots
    try:
        head = chain.read_head(home)
    except VerificationFailed as error:
        return ChainReport(events=total, ok=False, reason=str(error))
    for event in Event.objects.using(alias(home)).order_by("sequence").iterator(chunk_size=ROWS_AT_A_TIME):
        reason = _broken(home, roots, event, sequence=count + 1, previous=previous)
        if not reason and head is not None and head.events == event.sequence and head.hash != event.hash:
            reason = "it is not the event the signed head knows"
        if reason:
            return ChainReport(events=total, ok=False, broken_at=count + 1, reason=reason)
        previous, count = event.hash, event.sequence
    if head is None and count:
        return ChainReport(events=total, ok=False, reason="the signed head is missing")
    if head is not None and head.events > count:
        reason = f"the signed head knows of {head.events} events"
        return ChainReport(events=total, ok=False, broken_at=count + 1, reason=reason)
    return ChainReport(events=total, ok=True, head=previous)


def _append(home: Home, actor: str, act: str, detail: chain.Detail) -> None:
    name = alias(home)
    connection = connections[name]
    if connection.vendor == "postgresql":
        # Readers go on; a second writer waits here, so that both do not follow the same event.
        # SQLite needs no such line: its transactions are opened IMMEDIATE.
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE audit_event IN SHARE ROW EXCLUSIVE MODE")
    last = Event.objects.using(name).order_by("-sequence").first()
    sequence = last.sequence + 1 if last else 1
    previous = last.hash if last else chain.GENESIS
    at = datetime.now(UTC)
    hash_ = chain.event_hash(sequence=sequence, at=at, actor=actor, act=act, detail=detail, previous=previous)
    Event(
        sequence=sequence,
        at=at,
        actor=actor,
        act=act,
        detail=detail,
        previous=previous,
        hash=hash_,
        signature=home.signing_key.sign(chain.event_claim(home, hash_)),
    ).save(using=name)
    head = chain.Head(events=sequence, hash=hash_)
    # Robust: the act is committed by then; a head that lags is no reason to call it failed.
    transaction.on_commit(lambda: _advance(home, head), using=name, robust=True)


def _advance(home: Home, head: chain.Head) -> None:
    known = chain.read_head(home)
    if known is not None:
        event = Event.objects.using(alias(home)).filter(sequence=known.events).first()
        if event is None or event.hash != known.hash:
            return  # the trail was rewritten: the head that shows it must stay
    chain.advance_head(home, head)


def _broken(home: Home, roots: TrustRoots, event: Event, *, sequence: int, previous: str) -> str:
    """Why this event cannot be the one that follows `previous`; empty if it can."""
    if event.sequence != sequence:
        return "an event is missing here"
    if event.previous != previous:
        return "it does not follow the event before it"
    expected = chain.event_hash(
        sequence=event.sequence,
        at=event.at,
        actor=event.actor,
        act=event.act,
        detail=event.detail,
        previous=event.previous,
    )
    if event.hash != expected:
        return "its content is not what was hashed"
    try:
        roots.verify(
            home.name,
            event.signature,
            chain.event_claim(home, event.hash),
            what="audit event",
            signed_at=event.at,
        )
    except (NotApproved, VerificationFailed):
        return "it was not signed by this home"
    return ""
