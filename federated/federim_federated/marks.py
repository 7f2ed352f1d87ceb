"""At the hub: mark the models a person trained who objects since, and keep what was decided of each."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from federim.audit.trail import acting
from federim.database import alias
from federim.governance.models import Member
from federim.governance.permissions import check_can_decide_on_models
from federim.governance.rights import outbox
from federim.home import Home, Role
from federim.keys import exclusively, write_private
from federim.model.errors import InputError, StateRefused, UnknownName
from federim.sealed import open_sealed
from federim.trust.roots import TrustKind
from federim_federated import opposition, plan_store
from federim_federated.recorder import replace_file

FILE: Final = "marks.json"
_MOMENT: Final = "%Y%m%dT%H%M%SZ"  # a run's name begins so


class Verdict(StrEnum):
    """What becomes of a model."""

    KEEP = "keep"
    RETIRE = "retire"  # its arrays are deleted
    RETRAIN = "retrain"  # likewise, and a new plan is to follow


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """That persons who object since were among those a site trained a model on; how many is not told."""

    site: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What was decided of a model, by whom and why."""

    verdict: Verdict
    reason: str
    by: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A run at the hub."""

    run: str
    plan: str
    finished: bool
    arrays: bool  # whether there is a model still
    marks: tuple[Mark, ...]
    decisions: tuple[Decided, ...]

    @property
    def waits(self) -> bool:
        """Whether a mark is younger than the last decision."""
        last = self.decisions[-1].at if self.decisions else ""
        return any(mark.at > last for mark in self.marks)

    def as_json(self) -> dict[str, Any]:
        """The model for programs."""
        return {**asdict(self), "waits": self.waits}


def models(hub: Home) -> list[Model]:
    """Every run of the hub, the latest first."""
    return [_read(folder) for folder in sorted(_runs(hub.require(Role.HUB)), reverse=True)]


def take(hub: Home, path: Path, *, actor: str) -> int:
    """Open what a site sealed to this hub, and mark what it speaks of; returns how many runs that is.

    Taken again it changes nothing.

    Raises
    ------
    InputError, NotApproved, VerificationFailed
        See `open_sealed`.
    """
    sealed = path.read_bytes()
    taken = outbox.mark(hub, sealed)
    if taken.exists():
        return 0
    site, content = open_sealed(hub, sealed, kind=opposition.KIND, senders={TrustKind.SITE})
    digests, at = opposition.parse(content)
    marked = 0
    mark = Mark(site=site, at=at.isoformat(timespec="seconds"))
    for folder in _runs(hub):
        if _started(folder) <= at and _digest(hub, folder) in digests:
            with exclusively(folder / ".marks.lock"):
                model = _read(folder)
                if mark not in model.marks:
                    _write(folder, (*model.marks, mark), model.decisions)
            marked += 1
    with acting(hub, actor, "federated.mark", site=site, runs=marked):
        taken.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(taken, b"")
    return marked


def decide(hub: Home, run: str, verdict: Verdict, *, reason: str, actor: str) -> Model:
    """Write down what the committee decided of a marked model, and delete its arrays if it is not kept.

    Raises
    ------
    NotAllowed
        The actor is no coordinator.
    UnknownName
        There is no run of that name.
    StateRefused
        It bears no mark.
    InputError
        No reason is given.
    """
    hub.require(Role.HUB)
    members = {member.name: member for member in Member.objects.using(alias(hub))}
    check_can_decide_on_models(members.get(actor), staffed=bool(members))
    known = {folder.name: folder for folder in _runs(hub)}
    if run not in known:
        raise UnknownName("run", run, known)
    if not reason.strip():
        raise InputError("a decision on a model needs its reason")
    folder = known[run]
    with exclusively(folder / ".marks.lock"):
        model = _read(folder)
        if not model.marks:
            raise StateRefused(f"run {run} bears no mark: nobody who trained it objects")
        with acting(hub, actor, "federated.decide", run=run, verdict=verdict.value):
            at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
            decided = Decided(verdict=verdict, reason=reason.strip(), by=actor, at=at)
            _write(folder, model.marks, (*model.decisions, decided))
        if verdict is not Verdict.KEEP:
            for arrays in folder.glob("*.npz"):
                arrays.unlink()
    return _read(folder)


def _runs(hub: Home) -> Iterator[Path]:
    for folder in hub.runs.iterdir():
        if folder.is_dir() and _parsed_moment(folder) is not None:
            yield folder


def _started(folder: Path) -> dt.datetime:
    started = _parsed_moment(folder)
    assert started is not None  # or `_runs` would not have given it
    return started


def _parsed_moment(folder: Path) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(folder.name.partition("-")[0], _MOMENT).replace(tzinfo=dt.UTC)
    except ValueError:
        return None


def _plan_name(folder: Path) -> str:
    return folder.name.partition("-")[2].rpartition("-")[0]


def _digest(hub: Home, folder: Path) -> str:
    """The digest of a run's plan: as its model says, or, of one that did not finish, as the plan does."""
    path = folder / "model.json"
    if path.exists():
        return str(json.loads(path.read_bytes())["digest"])
    try:
        return plan_store.load(hub, _plan_name(folder)).digest
    except (UnknownName, InputError):
        return ""


def _read(folder: Path) -> Model:
    path = folder / FILE
    told = json.loads(path.read_bytes()) if path.exists() else {"marks": [], "decisions": []}
    return Model(
        run=folder.name,
        plan=_plan_name(folder),
        finished=(folder / "model.json").exists(),
        arrays=any(folder.glob("*.npz")),
        marks=tuple(Mark(**mark) for mark in told["marks"]),
        decisions=tuple(
            Decided(**{**each, "verdict": Verdict(each["verdict"])}) for each in told["decisions"]
        ),
    )


def _write(folder: Path, marks: tuple[Mark, ...], decisions: tuple[Decided, ...]) -> None:
    told = {"marks": [asdict(mark) for mark in marks], "decisions": [asdict(each) for each in decisions]}
    replace_file(folder / FILE, json.dumps(told, indent=1, ensure_ascii=False).encode())
