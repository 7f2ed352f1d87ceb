"""Take a person out of what was released: build it anew without them, or withdraw it; the old bytes go."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from federim.audit.trail import acting
from federim.database import alias
from federim.governance import documents
from federim.governance.assessment import examine_here, export_of
from federim.governance.contents import write_contents
from federim.governance.disclosure import Examined
from federim.governance.documents import Document, Kind
from federim.governance.models import Release
from federim.governance.release import put_in_place, whole_or_not
from federim.governance.rights.lake_step import NAME as LAKE
from federim.governance.rights.lake_step import SNAPSHOTS
from federim.governance.rights.steps import Outcome
from federim.governance.verification import countersignature_path
from federim.home import Home
from federim.identity.rights import Erasure
from federim.keys import replace_private
from federim.lake import manifest, snapshot
from federim.lake.locks import nobody_copies
from federim.lake.storage import private_files, sync
from federim.model.errors import FederimError, StorageFull

ERASURE: Final = "erasure"


class ReviseReleases:
    """The step of a site's releases.

    One whose tables are the same without the person stays as it is. One that can no longer be built, or that
    would show somebody now that there is one person less, is withdrawn.
    """

    name = "releases"

    def __call__(self, home: Home, erasure: Erasure) -> Outcome:
        with nobody_copies(home):  # so nobody builds a release: what is there a kill left
            for left in home.releases.glob(".building-*"):
                shutil.rmtree(left)
        for release in _affected(home, erasure):
            _revise(home, release, erasure)
        # A step that was killed did part of this: the tombstones tell of all of it.
        mine = [each for each in tombstones(home) if each.get("erasure") == erasure.id]
        revised = sum(bool(each.get("manifest")) for each in mine)
        return {"releases_revised": revised, "releases_withdrawn": len(mine) - revised}


def tombstones(home: Home, release: str = "*") -> list[Document]:
    """What is left of a release's earlier manifests, or of every release's."""
    return [documents.read(path) for path in sorted(home.releases.glob(f"{release}.*.tombstone.json"))]


def withdrawn(release: Release) -> bool:
    """Whether nothing of a release is left but its tombstone."""
    return bool(release.document.get("kind") == Kind.REVISION and not release.document.get("manifest"))


def withdraw(home: Home, release: Release, *, because: str, about: str, actor: str) -> None:
    """Leave nothing of a release but its tombstone; killed, the same again completes it.

    Parameters
    ----------
    because, about : an erasure or a purge, and its id
    """
    if not withdrawn(release):
        document = _bury(home, release, because=because, about=about, into="")
        with acting(home, actor, "export.withdraw", release=release.name, **{because: about}):
            _keep(home, release, document, manifest_sha256=release.manifest_sha256)
    _tidy(home, release)


def _affected(home: Home, erasure: Erasure) -> Iterator[Release]:
    every = list(Release.objects.using(alias(home)).filter(site=home.name))
    if erasure.project:
        yield from (each for each in every if each.project == erasure.project)
        return
    revised = set(erasure.done[LAKE][SNAPSHOTS].values())
    for each in every:
        try:
            stands = snapshot.load(home, each.cohort_snapshot).id
        except FederimError:  # gone, or damaged: it cannot be shown not to hold the person
            stands = next(iter(revised), "")
        if stands in revised:
            yield each


def _revise(home: Home, release: Release, erasure: Erasure) -> None:
    final = home.releases / release.name
    _tidy(home, release)
    if withdrawn(release):
        return
    decision = documents.read(_standing(final) / "decision.json")
    examined = _examined(home, decision)
    if examined is None:
        withdraw(home, release, because=ERASURE, about=erasure.id, actor=erasure.actor)
        return
    if _says_the_same(final, examined) and _manifest_sha256(final) == release.manifest_sha256:
        return
    with private_files(), whole_or_not(final) as folder:
        write_contents(folder, export_of(decision)[1], examined, decision)
        facts = {**_facts(release), "revises": release.manifest_sha256}
        sha256 = manifest.write(folder, facts, home.signing_key, signer=home.name)
        document = _bury(home, release, because=ERASURE, about=erasure.id, into=sha256)
        with acting(
            home, erasure.actor, "export.revise", release=release.name, manifest=sha256, erasure=erasure.id
        ):
            _keep(home, release, document, manifest_sha256=sha256)
            if final.exists():
                final.rename(_aside(final))
            put_in_place(folder, final)
    _tidy(home, release)


def _examined(home: Home, decision: Document) -> Examined | None:
    package, definition = export_of(decision)
    try:
        examined = examine_here(home, definition, package)
    except StorageFull:
        raise
    except FederimError:  # its snapshot is gone, a column is declared no more
        return None
    return examined if examined.report.acceptable else None


def _says_the_same(folder: Path, examined: Examined) -> bool:
    """Whether a release holds what would be built now."""
    try:
        written: dict[str, Any] = json.loads((folder / "report.json").read_bytes())
        # JSON has no tuples.
        return written == json.loads(json.dumps(examined.report.as_document())) and all(
            pq.read_table(folder / f"{name}.parquet").equals(table.replace_schema_metadata(None))
            for name, table in examined.tables.items()
        )
    except (OSError, ValueError, pa.ArrowException):
        return False


def _bury(home: Home, release: Release, *, because: str, about: str, into: str) -> Document:
    """Write the tombstone of a release's manifest: signed, it is also what the hub is told."""
    content = {
        **_facts(release),
        "revises": release.manifest_sha256,
        "manifest": into,
        "because": because,
        because: about,
    }
    document = documents.sign(home, Kind.REVISION, content)
    path = home.releases / f"{release.name}.{release.manifest_sha256[:12]}.tombstone.json"
    replace_private(path, documents.as_bytes(document))
    return document


def _keep(home: Home, release: Release, document: Document, *, manifest_sha256: str) -> None:
    release.document, release.manifest_sha256, release.countersignature = document, manifest_sha256, None
    release.save(using=alias(home), update_fields=["document", "manifest_sha256", "countersignature"])


def _facts(release: Release) -> dict[str, str]:
    return {
        "release": release.name,
        "site": release.site,
        "issuer": release.issuer,
        "request": release.request_number,
        "package": release.package,
    }


def _tidy(home: Home, release: Release) -> None:
    """Remove what is replaced, whether a kill left it or it was replaced just now."""
    final = home.releases / release.name
    receipt = countersignature_path(final)
    if withdrawn(release):
        shutil.rmtree(final, ignore_errors=True)
    if withdrawn(release) or final.exists():
        shutil.rmtree(_aside(final), ignore_errors=True)
    if receipt.exists() and release.countersignature is None:
        receipt.unlink()
    sync(home.releases)


def _standing(final: Path) -> Path:
    """The release's folder, aside if a kill came between taking the old one away and putting the new one."""
    return final if final.exists() else _aside(final)


def _aside(final: Path) -> Path:
    return final.with_name(f".replaced-{final.name}")


def _manifest_sha256(folder: Path) -> str:
    return hashlib.sha256((folder / manifest.MANIFEST).read_bytes()).hexdigest()
