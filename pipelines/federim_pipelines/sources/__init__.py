"""Where input comes from: one file a kind of source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from federim.model.identifiers import PatientIdentity
from federim_pipelines.items import Item


class Source(Protocol):
    """Input of one kind. `kind` is the word that items and quarantine rows bear.

    Next to each source stands its reader, `read(item, worker) -> Outcome`, which runs in a worker
    process: `inputs.READERS` names them all.
    """

    kind: str

    def items(self) -> Iterator[Item]:
        """Pieces of input in a repeatable order, those of one file together; nothing is opened twice."""
        ...

    def identities(self) -> Iterator[PatientIdentity]:
        """Every person this source can name. All are learned before any item is read."""
        ...
