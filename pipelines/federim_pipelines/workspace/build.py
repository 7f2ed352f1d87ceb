"""Materialise one project's cohort in a home of its own, whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from federim.audit import trail
from federim.home import Home, Role
from federim.identity.exchange import Exchange
from federim.lake import snapshot
from federim.lake.declaration import Table
from federim.lake.images import StoredObject
from federim.lake.locks import copying
from federim.lake.snapshot_folder import PinnedFile
from federim.lake.storage import disk_may_refuse, private_files, sync
from federim.lake.workspace import Workspace
from federim.lake.workspace_tables import WITH_PIXELS, narrowed
from federim.model.errors import HomeError, NotApproved
from federim.model.identifiers import Pseudonym
from federim.model.workspace import WorkspaceGrant
from federim.trust.roots import TrustKind
from federim_pipelines.progress import Silence, Watch
from federim_pipelines.workspace import document, files
from federim_pipelines.workspace.cohort import GrantedCohort, granted_cohort, groups
from federim_pipelines.workspace.hop import ProjectHop, drawings_of
from federim_pipelines.workspace.objects import ProjectObjects
from federim_pipelines.workspace.register import Register
from federim_pipelines.workspace.rows import ProjectRows

_LONGEST_NAME = 40  # of a home


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSecrets:
    """What makes a project's pseudonyms at this site.

    Attributes
    ----------
    key : bytes, 32
    epoch : bytes, 32, or None
        Public key of the key server's epoch that the project pins.
    """

    key: bytes = field(repr=False)
    epoch: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A workspace that is there: what is in it, and how many instances stayed because they may show faces."""

    workspace: Workspace
    persons: int
    held: int

    @property
    def rows(self) -> dict[str, int]:
        """Rows by table."""
        counted = dict.fromkeys(self.workspace.tables, 0)
        for each in self.workspace.files:
            counted[each.path.split("/")[1]] += each.rows
        return counted


def build(
    home: Home,
    grant: WorkspaceGrant,
    wanted: str,
    to: Path,
    *,
    project: ProjectSecrets,
    dispositions: Path | None = None,
    progress: Watch | None = None,
    actor: str,
) -> Built:
    """Make `to` the workspace's home. Killed anywhere, nothing is there, and the same call builds it.

    Whoever objects to the project, or to research, is not in it. The site keeps what it needs to take
    somebody out later (`Register`).

    Parameters
    ----------
    wanted : str
        The snapshot: see `snapshot.load`. It may be the heir of the one granted, with fewer persons.
    to : path
        Where nothing is yet.
    dispositions : path
        The site's word on private attributes, under which the objects were made.

    Raises
    ------
    HomeError
        Something is there, or it lies in the site's own home.
    NotApproved
        The grant is over, or speaks of another snapshot.
    IdentityError
        See `Exchange.project_subjects`.
    SchemaError, UnknownName
        The grant names what cannot go into a workspace; see `workspace_tables.narrowed`.
    StorageFull
        The disk refuses; nothing is kept.
    """
    home.require(Role.SITE)
    tables = narrowed(grant.tables, pixels=grant.pixels)
    if datetime.now(UTC).date() > grant.ends:
        raise NotApproved(
            f"the grant of request {grant.request} ended on {grant.ends:%Y-%m-%d}; ask for an amendment"
        )
    frozen = snapshot.load(home, wanted)
    if not snapshot.answers_to(home, frozen, grant.snapshot_sha256):
        raise NotApproved(
            f"request {grant.request} was granted another frozen cohort than {frozen.id}; name that one"
        )
    to = _free(home, to)
    # Copying: whoever is erased meanwhile is waited for, or found in the register afterwards.
    with copying(home), _unfinished(to) as part:
        workspace = _home_for(home, grant, part)
        filling = _Filling(home, workspace, tables, dispositions=dispositions, watch=progress or Silence())
        with granted_cohort(home, frozen, grant.project) as cohort:
            hops = _hops(home, cohort.persons(), project, drawings=grant.pixels)
            filling(cohort, hops)
        made = Workspace(
            id=secrets.token_hex(16),
            revision=0,
            project=grant.project,
            request=grant.request,
            site=home.name,
            snapshot_sha256=grant.snapshot_sha256,
            tables={name: tuple(column.name for column in table.columns) for name, table in tables.items()},
            pixels=grant.pixels,
            objects=filling.objects,
            ends=grant.ends,
            files=tuple(filling.files),
        )
        document.write(home, part, made)
        sync(part)
        with Register(home) as register:
            # First: what is noted and not there harms nobody, and what is there must be known.
            register.add(made, to, frozen.id, {lake: hop.person_id for lake, hop in hops.items()})
            _tell_the_trail(home, made, frozen.id, persons=len(hops), actor=actor)
            part.rename(to)
            sync(to.parent)
            register.stands(made.id)
    return Built(workspace=made, persons=len(hops), held=filling.held)


def _tell_the_trail(home: Home, made: Workspace, frozen: str, *, persons: int, actor: str) -> None:
    trail.record(
        home,
        actor,
        "workspace.build",
        workspace=made.id,
        project=made.project,
        request=made.request,
        snapshot=frozen,
        persons=persons,
        objects=made.objects,
    )


class _Filling:
    """Writes a cohort's rows and objects into a workspace, some persons at a time."""

    def __init__(
        self,
        home: Home,
        workspace: Home,
        tables: dict[str, Table],
        *,
        dispositions: Path | None,
        watch: Watch,
    ) -> None:
        self._home = home
        self._workspace = workspace
        self._tables = tables
        self._dispositions = dispositions
        self._watch = watch
        self.files: list[PinnedFile] = []
        self.objects = 0
        self.held = 0

    def __call__(self, cohort: GrantedCohort, hops: dict[Pseudonym, ProjectHop]) -> None:
        pixels = WITH_PIXELS in self._tables
        held = cohort.held() if pixels else frozenset[str]()
        copy = ProjectObjects(self._home, self._workspace, held=held, dispositions=self._dispositions)
        if pixels:
            self._watch.stage("instances", cohort.count(WITH_PIXELS))
        else:
            self._watch.stage("persons", len(hops))
        for number, group in enumerate(groups(hops)):
            stored: dict[str, StoredObject] = {}
            if pixels:
                stored = copy(cohort.rows(self._tables[WITH_PIXELS], list(group)), group, self._watch)
            make = ProjectRows(group, stored)
            for table in self._tables.values():
                rows = make(table, cohort.rows(table, list(group)))
                if rows.num_rows:
                    path = files.name_of(table, number)
                    self.files.append(files.write(self._workspace, path, rows))
            for _ in () if pixels else group:
                self._watch.advance()
        self.objects, self.held = copy.count, copy.left_held


def _hops(
    home: Home, persons: list[Pseudonym], project: ProjectSecrets, *, drawings: bool
) -> dict[Pseudonym, ProjectHop]:
    with Exchange.open(home) as exchange:
        subjects = exchange.project_subjects(persons, project.key, epoch=project.epoch)
        return {
            person_id: ProjectHop(
                subject=subject,
                drawings=drawings_of(exchange.originals(person_id)) if drawings else frozenset(),
            )
            for person_id, subject in subjects.items()
        }


def _home_for(home: Home, grant: WorkspaceGrant, part: Path) -> Home:
    """An empty home of a workspace, which believes its site."""
    name = f"{grant.project[: _LONGEST_NAME - 3]}-ws"
    workspace = Home.create(part, role=Role.WORKSPACE, name=name)
    workspace.trust(home.name, home.signing_key.public, TrustKind.SITE)
    return workspace


def _free(home: Home, to: Path) -> Path:
    to = to.absolute()
    if to.exists() or to.is_symlink():
        raise HomeError(f"{to} is there already; choose another place, or federim workspace remove it first")
    if not to.parent.is_dir():
        raise HomeError(f"{to.parent} is no folder; make it first, with the rights the workspace shall have")
    if to.resolve().is_relative_to(home.root.resolve()):
        raise HomeError(f"{to} lies in the site's own home, where no researcher may be; choose another place")
    return to


@contextmanager
def _unfinished(to: Path) -> Iterator[Path]:
    """A folder beside the final one, gone at the end unless it took its place."""
    part = to.with_name(f".{to.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with disk_may_refuse(), private_files():
            yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
