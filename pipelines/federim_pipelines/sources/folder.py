"""Find every file under some folders, in a repeatable order, and every member of the archives among them."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from federim_pipelines.items import Item
from federim_pipelines.sources.archive import archive, listing, why_member_refused
from federim_pipelines.sources.content import open_file
from federim_pipelines.sources.sniff import HEAD_BYTES, Kind, sniff


@dataclass(frozen=True, slots=True)
class Found:
    """A file, or a member of an archive, and what its first bytes say it is."""

    path: Path
    member: str
    kind: Kind

    def item(self, source: str) -> Item:
        """The whole of it, as an item for one source."""
        return Item(source=source, path=self.path, member=self.member)


def walk(paths: Iterable[Path]) -> Iterator[Found]:
    """Every file at or under `paths`, hidden ones too, a folder at a time, in the order of names.

    A folder's own files come before those of its sub-folders. Links to folders are not followed, so nothing
    is met for ever. An archive that cannot be listed comes as itself, of kind ZIP, to be refused; so does an
    archive inside another. What cannot be opened is of kind OTHER: whoever reads it says why.
    """
    for path in paths:
        for file in _files(path):
            yield from _look(file)


def kind_of(path: Path, member: str = "") -> Kind:
    """What the first bytes of a file or member say; OTHER if they cannot be read."""
    try:
        if not member:
            with open_file(path) as file:
                return sniff(file.read(HEAD_BYTES))
        if why_member_refused(path, member):
            return Kind.OTHER
        with archive(path).open(member) as unpacked:
            return sniff(unpacked.read(HEAD_BYTES))
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError):
        return Kind.OTHER


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    try:
        with os.scandir(path) as entries:
            ordered = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except OSError:
        yield path  # a folder that may not be listed is met as a file that cannot be opened
        return
    for entry in ordered:
        if not entry.is_dir():
            yield Path(entry.path)
    for entry in ordered:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))


def _look(file: Path) -> Iterator[Found]:
    kind = kind_of(file)
    try:
        members = listing(file).members if kind is Kind.ZIP else ()
    except OSError:
        members = ()
    if not members:
        yield Found(file, "", kind)
    for member in members:
        yield Found(file, member, kind_of(file, member))
