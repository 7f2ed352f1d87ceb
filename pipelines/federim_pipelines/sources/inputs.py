"""Walk the paths a run is given, and hand each file to the source that reads its kind."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from federim.home import Home
from federim.model.errors import InputError
from federim.model.identifiers import Merge, PatientIdentity
from federim_pipelines.items import Item
from federim_pipelines.sources import csv, dicom
from federim_pipelines.sources.cda import reading as cda
from federim_pipelines.sources.content import digest
from federim_pipelines.sources.fhir import reading as fhir
from federim_pipelines.sources.folder import Found, walk
from federim_pipelines.sources.hl7v2 import reading as hl7v2
from federim_pipelines.sources.listed import Listed
from federim_pipelines.sources.mapping import Mapping
from federim_pipelines.sources.omop import reading as omop
from federim_pipelines.sources.persons import persons
from federim_pipelines.sources.sniff import Kind

_JSON_NAMES = (".json", ".ndjson", ".jsonl")


class Inputs:
    """All files under some paths: DICOM, FHIR, HL7 v2, CDA, OMOP, and CSV where a mapping covers it.

    A file no source reads is an item all the same: its reader refuses it, so that it is counted.
    `ignored` counts the DICOMDIR files met by the walk: indexes of files that are met by themselves.

    Parameters
    ----------
    issuer : str
        Whose patient numbers are those that say nothing of it; "" is the site's own register.
    """

    def __init__(
        self, home: Home, paths: Sequence[Path], mapping: Mapping | None = None, *, issuer: str = ""
    ) -> None:
        self._home = home
        self._roots = _roots(home, paths)
        self._mapping = mapping
        self._issuer = issuer
        self.ignored = 0

    @cached_property
    def files(self) -> Listed:
        """Every file whole, in the order of the walk, which is done when this is first asked for."""
        return Listed(self._walked(), self._home.staging)

    def items(self) -> Iterator[Item]:
        """Every piece of input, in the order of the walk, those of one file together."""
        for whole in self.files:
            try:
                yield from _SPANS.get(whole.source, _as_it_is)(whole)
            except OSError:
                yield whole  # gone since it was listed: the reader says so

    def merges(self) -> Iterator[Merge]:
        """What HL7 v2 messages say of files of a register that are one person's."""
        for item in self.files:
            if item.source == hl7v2.KIND:
                yield from (told for told in self._told(item) if isinstance(told, Merge))

    def identities(self) -> Iterator[PatientIdentity]:
        """The patients of records and of registers; images name theirs when they are read."""
        for item in self.files:
            for told in self._told(item):
                if isinstance(told, PatientIdentity):
                    yield told

    def _told(self, item: Item) -> Iterator[PatientIdentity | Merge]:
        return persons(item, self._home, self._mapping, issuer=self._issuer)

    def _walked(self) -> Iterator[Item]:
        for found in walk(self._roots):
            if found.kind is Kind.DICOMDIR:
                self.ignored += 1
            else:
                yield found.item(self._source(found))

    def name(self, item: Item) -> str:
        """The file an item belongs to, told from the path given: `GIVEN/folder/file` or `…!/member`.

        The folders above the path given are left out, so a data set is the same wherever it lies.
        """
        root = next(root for root in self._roots if item.path.is_relative_to(root))
        place = root.name / item.path.relative_to(root)
        return f"{place}!/{item.member}" if item.member else str(place)

    def digest(self, item: Item) -> bytes:
        """A hash of the file an item belongs to: see `content.digest`."""
        return digest(item)

    def _source(self, found: Found) -> str:
        name = _name(found)
        if found.kind in _SOURCES:
            return _SOURCES[found.kind]
        is_other = found.kind is Kind.OTHER
        if is_other and self._mapping and self._mapping.covering(name):
            return csv.KIND
        if (is_other or found.kind is Kind.PARQUET) and omop.claims(found.item(omop.KIND)):
            return omop.KIND
        if is_other and name.lower().endswith(".csv"):
            return csv.KIND
        if is_other and name.lower().endswith(_JSON_NAMES):
            return fhir.KIND
        return dicom.KIND


def _as_it_is(item: Item) -> Iterator[Item]:
    yield item


_SOURCES = {Kind.JSON: fhir.KIND, Kind.HL7V2: hl7v2.KIND, Kind.XML: cda.KIND}
_SPANS = {fhir.KIND: fhir.spans, csv.KIND: csv.spans, hl7v2.KIND: hl7v2.spans, omop.KIND: omop.spans}


def _name(found: Found | Item) -> str:
    return (found.member or found.path.name).rpartition("/")[2]


def _roots(home: Home, paths: Sequence[Path]) -> list[Path]:
    """The paths in full, without those that lie in another of them.

    Raises
    ------
    InputError
        A path does not exist, or holds the home or lies in it.
    """
    roots: list[Path] = []
    for path in paths:
        root = Path(os.path.normpath(path.absolute()))
        if not os.path.lexists(root):
            raise InputError(f"{path}: no such file or folder; nothing was read")
        inside = root.is_relative_to(home.root) and not root.is_relative_to(home.spool)
        if inside or home.root.is_relative_to(root):
            raise InputError(
                f"{path} and the home {home.root} lie in each other; give the folder that data came in"
            )
        roots.append(root)
    return [
        root
        for place, root in enumerate(roots)
        if not any(
            root.is_relative_to(other) and (root != other or before < place)
            for before, other in enumerate(roots)
            if before != place
        )
    ]
