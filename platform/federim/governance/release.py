"""Let an approved export leave: build it at the site, whole or not at all."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from federim.audit.trail import acting
from federim.database import alias
from federim.governance import documents
from federim.governance.assessment import examine_here, export_of
from federim.governance.contents import write_contents
from federim.governance.documents import Document, Kind
from federim.governance.members import member_named
from federim.governance.models import Release, Revocation
from federim.governance.moves import Move
from federim.governance.permissions import check_can_release
from federim.governance.policies import check_in_force
from federim.governance.requests import move, request_numbered
from federim.home import Home, Role
from federim.lake import manifest
from federim.lake.locks import copying
from federim.lake.storage import FULL, private_files, sync
from federim.model.errors import DisclosureRisk, StateRefused, StorageFull, VerificationFailed

NAME = re.compile(r"[a-z0-9-]{1,120}")


def release(home: Home, actor: str, decision: Document, *, today: date) -> Release:
    """Recompute the tables of an approved package, and put them in `releases/NAME` with a signed manifest.

    The release's `document` tells the hub the manifest's hash.

    Raises
    ------
    NotAllowed
        The actor is no officer of this site, or asked for the export.
    NotApproved
        The decision's signer is not trusted here, or it does not cover this package, site and day.
    DisclosureRisk
        Something was found against the tables on this site's data.
    StateRefused
        It was released before, or the decision is on a workspace.
    StorageFull
        The disk refused; nothing of it was kept.
    """
    home.require(Role.SITE)
    signer = documents.check(home, decision, Kind.DECISION)
    author = documents.text_of(decision, "author")
    check_can_release(member_named(home, actor), author)
    package, definition = export_of(decision)
    revoked = Revocation.objects.using(alias(home)).filter(package=package, issuer=signer).exists()
    check_in_force(decision, signer=signer, site=home.name, package=package, today=today, revoked=revoked)

    name = release_name(decision)
    if Release.objects.using(alias(home)).filter(name=name).exists():
        raise StateRefused(f"{name} was released before; federim export verify {name} checks it")
    number = documents.text_of(decision, "request")
    # Copying: whoever is erased meanwhile is either waited for, or found in this release afterwards.
    with copying(home), private_files(), whole_or_not(home.releases / name) as folder:
        examined = examine_here(home, definition, package)
        if not examined.report.acceptable:
            raise DisclosureRisk("; ".join(examined.report.refusals))
        write_contents(folder, definition, examined, decision)
        facts = {"release": name, "site": home.name, "issuer": signer, "request": number, "package": package}
        sha256 = manifest.write(folder, facts, home.signing_key, signer=home.name)
        with acting(home, actor, "export.release", request=number, release=name, manifest=sha256):
            if signer == home.name:
                move(home, request_numbered(home, number, locked=True), Move.RELEASE)
            released = Release.objects.using(alias(home)).create(
                name=name,
                issuer=signer,
                request_number=number,
                package=package,
                site=home.name,
                cohort_snapshot=definition.snapshot_of(home.name).id,
                project=definition.project,
                manifest_sha256=sha256,
                document=documents.sign(home, Kind.RELEASE, {**facts, "manifest": sha256}),
            )
            # Last inside the transaction: a crash before the commit leaves a folder no row knows of,
            # which the next release of this name replaces.
            put_in_place(folder, home.releases / name)
    return released


def release_name(decision: Document) -> str:
    """What a release is called: whose decision, which request and revision, and from which site.

    Raises
    ------
    VerificationFailed
        The decision's own words would not make the name of a folder.
    """
    name = "{signer}-{request}-r{revision}-{site}".format(**decision)
    if not NAME.fullmatch(name):
        raise VerificationFailed("the decision's request or revision is not what a hub writes")
    return name


@contextmanager
def whole_or_not(final: Path) -> Iterator[Path]:
    """A folder to build a release in, gone at the end unless it was put in its place."""
    folder = final.with_name(f".building-{final.name}")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)
        yield folder
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull(f"no space left to build {final.name}; nothing of it was kept") from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(folder: Path, final: Path) -> None:
    """Give a release that is whole its name, on the disk and read-only."""
    for file in folder.iterdir():
        file.chmod(0o400)
        sync(file)
    sync(folder)
    shutil.rmtree(final, ignore_errors=True)
    folder.rename(final)
    sync(final.parent)
