"""Write what a run learned about a folder tree, as CSV files only their owner can read."""

from __future__ import annotations

import csv
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from federim.model.errors import InputError
from federim_pipelines.deidentify.dictionaries import keyword_of
from federim_pipelines.deidentify.tree.worker import Refused


def check_writable(*paths: Path | None) -> None:
    """Refuse, before any work, the places where a map cannot be written.

    Raises
    ------
    InputError
        The folder is missing.
    """
    for path in paths:
        if path is not None and not path.absolute().parent.is_dir():
            raise InputError(f"{path}: there is no folder to write {path.name} in; make it first")


def write_map(path: Path, pairs: Iterable[tuple[str, str]]) -> None:
    """Write `id_old,id_new`, each pair once, sorted."""
    write_rows(path, ("id_old", "id_new"), sorted(set(pairs)))


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file whole or not at all, replacing an older one; mode 0600."""
    pending = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)
            file.flush()
            os.fsync(file.fileno())
        pending.replace(path)
    finally:
        pending.unlink(missing_ok=True)


def write_retained(path: Path, retained: Mapping[tuple[int, str], int]) -> None:
    """Write each text that was let through, with its attribute and how often it was met."""
    rows = [(keyword_of(tag) or f"{tag:08X}", text, count) for (tag, text), count in retained.items()]
    write_rows(path, ("attribute", "text", "count"), sorted(rows))


def write_refused(path: Path | None, folder: Path | None, refused: Sequence[Refused]) -> None:
    """Write which files were refused, and the pictures of those only looking can tell about.

    Pictures are PNG files of mode 0600 in `folder`, which is made with mode 0700.
    """
    rows = []
    for number, each in enumerate(sorted(refused, key=lambda each: each.file)):
        picture = ""
        if folder is not None and each.picture:
            picture = f"{number:06}.png"
            folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(folder / picture, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(each.picture)
        rows.append((each.file, each.reason.value, each.detail, picture))
    if path is not None:
        write_rows(path, ("file", "reason", "detail", "picture"), rows)
