"""What one late link changes in the lake: rows, objects, and what the index knows of records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePath
from typing import Final

from federim.home import Home
from federim.lake import images
from federim.lake.entered import UNTOLD
from federim.lake.images import StoredObject
from federim.lake.rewriting import Change, objects_of
from federim_pipelines.deidentify.private import PrivateRules
from federim_pipelines.deidentify.reading import Source
from federim_pipelines.deidentify.rekey import Rekey
from federim_pipelines.keying import names_a_record
from federim_pipelines.rekeyed_rows import RekeyedRows
from federim_pipelines.rekeying import Rekeying
from federim_pipelines.volumes import geometry_key

_CONTENT_BYTES: Final = 16  # of what a record says


def change_of(home: Home, link: Rekeying, private: PrivateRules, *, replaced: Collection[str]) -> Change:
    """The change of one person, their new objects stored beside the old ones.

    Parameters
    ----------
    private : PrivateRules
        See `Rekey`.
    replaced : paths of stored objects
        Those that the site put others in the place of.

    Raises
    ------
    LakeError
        A stored object is missing or damaged.
    StorageFull
        The disk refuses; what was stored is found again by the next call.
    """
    rekey = Rekey(link, private)
    paths = objects_of(home, link.old.person_id)
    # Of what was replaced, a file that is left over still speaks when the object has gone.
    gone = {path for path in paths.intersection(replaced) if not images.has(home, path)}
    objects = {path: _rekeyed(home, path, rekey) for path in sorted(paths - gone)}
    records = _records(link)
    return Change(
        person_id=link.old.person_id,
        into=RekeyedRows(link),
        objects=objects | {path: _as_it_was(path) for path in gone},
        records=records | _geometries(link),
        contents=dict.fromkeys(map(_content, replaced), UNTOLD) | _contents(objects) | records,
    )


def _rekeyed(home: Home, path: str, rekey: Rekey) -> StoredObject:
    """A stored object as the new subject's, stored."""
    with rekey.object(Source.of(images.read(home, path))) as made:
        return images.store(home, made)


def _as_it_was(path: str) -> StoredObject:
    return StoredObject(sha256=PurePath(path).stem, path=path, size=0)


def _records(link: Rekeying) -> dict[bytes, bytes]:
    """Keys of records that were made of the old subject, and what they are of the new."""
    return {
        bytes.fromhex(made): bytes.fromhex(link.value(made))
        for made, original in link.originals.items()
        if names_a_record(original)
    }


def _geometries(link: Rekeying) -> dict[bytes, bytes]:
    """As `_records`, of whatever UID is a series' with a geometry: its record is named by the keyed UID."""
    uids: Iterable[str] = (made for made in link.originals if made.startswith("2.25."))
    key = link.record_key
    return {geometry_key(key, uid): geometry_key(key, link.value(uid)) for uid in uids}


def _contents(objects: Mapping[str, StoredObject]) -> dict[bytes, bytes]:
    """What records of instances say from now on, which is the hash of their object."""
    return {_content(path): _content(stored.path) for path, stored in objects.items()}


def _content(path: str) -> bytes:
    """What a record says whose object lies at a path, which is named by the object's hash."""
    return bytes.fromhex(PurePath(path).stem)[:_CONTENT_BYTES]
