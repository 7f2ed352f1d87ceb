"""The pieces that wait on the same terms, as the input of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from federim.home import Home
from federim.model.identifiers import Merge, PatientIdentity
from federim_pipelines.items import Item
from federim_pipelines.parked.lot import Bay, Waiting
from federim_pipelines.parked.piece import readable
from federim_pipelines.sources import dicom
from federim_pipelines.sources.hl7v2 import reading as hl7v2
from federim_pipelines.sources.mapping import Mapping
from federim_pipelines.sources.persons import persons


class ParkedInputs:
    """Some pieces of a bay, each a file of the run.

    Parameters
    ----------
    most : int
        How many pieces; names are looked up for those, and persons named in all of the bay's.
    """

    ignored = 0

    def __init__(self, home: Home, bay: Bay, mapping: Mapping | None, *, most: int) -> None:
        self._home = home
        self._bay = bay
        self._mapping = mapping
        self._files: dict[Path, Waiting] = {piece.path: piece for piece in bay.first(most)}

    @property
    def files(self) -> list[Path]:
        """Where the pieces are."""
        return list(self._files)

    def items(self) -> Iterator[Item]:
        """The pieces, each to be unsealed by who reads it."""
        for piece in self._files.values():
            yield piece.item

    def name(self, item: Item) -> str:
        """The file it was cut out of, as the run called it that parked it."""
        return self._files[item.path].header.name

    def digest(self, item: Item) -> bytes:
        """The hash of that file, whole."""
        return bytes.fromhex(self._files[item.path].header.digest)

    def merges(self) -> Iterator[Merge]:
        """What HL7 v2 messages say of files of a register that are one person's."""
        for piece in self._bay.waiting():
            if piece.header.source == hl7v2.KIND:
                yield from (told for told in self._told(piece) if isinstance(told, Merge))

    def identities(self) -> Iterator[PatientIdentity]:
        """The patients of records and of registers."""
        for piece in self._bay.waiting():
            if piece.header.source != dicom.KIND:
                yield from (told for told in self._told(piece) if isinstance(told, PatientIdentity))

    def _told(self, piece: Waiting) -> Iterator[PatientIdentity | Merge]:
        with readable(piece.item, self._home) as within:
            yield from persons(within, self._home, self._mapping, issuer=self._bay.terms.issuer)
