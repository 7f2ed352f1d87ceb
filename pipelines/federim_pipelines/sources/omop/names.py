"""What OMOP concepts are called: by the site's vocabulary, else by the one that lies beside the records."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from federim.lake.concepts import CONCEPT_COLUMNS, Concepts
from federim_pipelines.codes.code import Code, is_code
from federim_pipelines.codes.codebook import Codebook, system_of
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Item
from federim_pipelines.sources.archive import listing
from federim_pipelines.sources.omop.rows import rows
from federim_pipelines.sources.omop.tables import CONCEPT, table_of


class Names:
    """Looks concepts of one folder up; those that neither vocabulary holds have no name."""

    def __init__(self, item: Item, codebook: Codebook) -> None:
        self._codebook = codebook
        # SQLite's connections belong to one thread.
        folder = item.member.rpartition("/")[0] if item.member else None
        self._beside = _vocabulary(
            item.path if item.member else item.path.parent, folder, threading.get_ident()
        )

    def __call__(self, concept_id: int) -> Code | None:
        """The code of a concept; None for 0, OMOP's word for none, and for one that is not known."""
        if concept_id == 0:
            return None
        code = self._codebook.code_of(concept_id)
        if code is None and self._beside is not None:
            named = self._beside.name(concept_id)
            code = None if named is None else Code(named.code, system_of(named.vocabulary))
        return code if code is not None and is_code(code.code) else None


@lru_cache(maxsize=8)
def _vocabulary(path: Path, folder: str | None, thread: int) -> Concepts | None:  # noqa: ARG001 — part of the key
    found = _concept(path, folder)
    return None if found is None else Concepts.of(_concepts(found))


def _concept(path: Path, folder: str | None) -> Item | None:
    """The CONCEPT file in a folder, or in a folder of an archive."""
    if folder is None:
        beside = (Item(source="", path=file) for file in sorted(path.iterdir()) if file.is_file())
    else:
        beside = (
            Item(source="", path=path, member=member)
            for member in listing(path).members
            if member.rpartition("/")[0] == folder
        )
    return next((item for item in beside if table_of(item) == CONCEPT), None)


def _concepts(item: Item) -> Iterator[tuple[str, ...]]:
    for _, cells in rows(item):
        if not isinstance(cells, Unusable):  # what a damaged row would name keeps its number
            yield tuple(cells.get(column) or "" for column in CONCEPT_COLUMNS)
