"""Sign the content of a folder, and find whatever was changed in it since."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from federim.keys import SigningKey, canonical
from federim.model.errors import VerificationFailed
from federim.trust.roots import TrustKind, TrustRoots

MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A file of the folder; `size` in bytes, `rows` for Parquet alone."""

    path: str
    sha256: str
    size: int
    rows: int | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder holds, who says so, and the facts they state about it."""

    signer: str
    public_key: str
    facts: dict[str, Any]
    files: tuple[ManifestFile, ...]
    sha256: str  # of manifest.json: what another signature may refer to


def write(folder: Path, facts: Mapping[str, Any], key: SigningKey, *, signer: str) -> str:
    """Write and sign the manifest of everything in `folder`; return the manifest's sha256.

    Raises
    ------
    VerificationFailed
        The folder holds something that is neither a file nor a folder.
    """
    content = canonical(
        {
            "facts": dict(facts),
            "files": [asdict(_describe(folder, path)) for path in _paths(folder)],
            "public_key": key.public,
            "signer": signer,
        }
    )
    (folder / MANIFEST).write_bytes(content)
    (folder / SIGNATURE).write_text(key.sign(content))
    return hashlib.sha256(content).hexdigest()


def verify(folder: Path, roots: TrustRoots) -> Manifest:
    """The folder's manifest, if nothing in the folder differs from it.

    It bears no date, so that the same content makes the same manifest: a key of the site's that another has
    replaced verifies it, a revoked one does not.

    Raises
    ------
    NotApproved
        Its signer is not trusted here as a site.
    VerificationFailed
        The manifest or its signature is missing or malformed, or a file was changed, added or removed; the
        message names it.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        signature = (folder / SIGNATURE).read_bytes().decode()
        document = json.loads(content)
        signer, public_key = document["signer"], document["public_key"]
        listed = {file["path"]: ManifestFile(**file) for file in document["files"]}
    except FileNotFoundError as error:
        raise VerificationFailed(f"{Path(error.filename).name} is missing") from None
    except (ValueError, KeyError, TypeError):
        raise VerificationFailed(f"{MANIFEST} is not a manifest") from None
    used = roots.verify(str(signer), signature, content, what=MANIFEST, kinds={TrustKind.SITE})
    if public_key != used:
        raise VerificationFailed(f"{MANIFEST}: it names another public key than the one it was signed with")
    present = {path.relative_to(folder).as_posix(): path for path in _paths(folder)}
    for name in sorted(listed.keys() | present.keys()):
        if name not in present:
            raise VerificationFailed(f"{name}: listed in the manifest, but missing")
        if name not in listed:
            raise VerificationFailed(f"{name}: present, but not listed in the manifest")
        # The bytes are compared before anything parses them: a damaged file must not reach a decoder.
        if _sha256(present[name]) != listed[name].sha256:
            raise VerificationFailed(f"{name}: its content is not what the manifest lists")
    return Manifest(
        signer, public_key, document["facts"], tuple(listed.values()), hashlib.sha256(content).hexdigest()
    )


def _paths(folder: Path) -> Iterator[Path]:
    """Every file but the manifest's own two, in one order everywhere."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in [*folders, *sorted(names)]:
            path = Path(root) / name
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                name = path.relative_to(folder).as_posix()
                raise VerificationFailed(f"{name}: neither a file nor a folder; nothing else may be here")
        for name in sorted(names):
            if (path := Path(root) / name) not in (folder / MANIFEST, folder / SIGNATURE):
                yield path


def _describe(folder: Path, path: Path) -> ManifestFile:
    return ManifestFile(
        path=path.relative_to(folder).as_posix(),
        sha256=_sha256(path),
        size=path.stat().st_size,
        rows=int(pq.read_metadata(path).num_rows) if path.suffix == ".parquet" else None,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
