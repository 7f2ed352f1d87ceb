"""Say whom the records of an item are about, before any of them is read for what it tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from federim.home import Home
from federim.model.errors import HomeError, LakeError, StorageFull
from federim.model.identifiers import Merge, PatientIdentity
from federim_pipelines.items import Item
from federim_pipelines.sources import csv
from federim_pipelines.sources.cda import reading as cda
from federim_pipelines.sources.fhir import reading as fhir
from federim_pipelines.sources.hl7v2 import reading as hl7v2
from federim_pipelines.sources.mapping import Mapping
from federim_pipelines.sources.omop import reading as omop


def persons(
    item: Item, home: Home, mapping: Mapping | None, *, issuer: str
) -> Iterator[PatientIdentity | Merge]:
    """The patients of records and of registers, and which of them are one; images name theirs when read.

    What breaks an item ends what is told of it: that is refused where it is read.
    """
    try:
        yield from _told(item, home, mapping, issuer)
    except (HomeError, LakeError, StorageFull):
        raise
    except Exception:
        return


def _told(item: Item, home: Home, mapping: Mapping | None, issuer: str) -> Iterable[PatientIdentity | Merge]:
    if item.source == fhir.KIND:
        return fhir.identities(item, home, issuer)
    if item.source == hl7v2.KIND:
        return hl7v2.identities(item, issuer)
    if item.source == cda.KIND:
        return cda.identities(item, issuer)
    if item.source == omop.KIND:
        return omop.identities(item)
    if item.source == csv.KIND and mapping and (file := mapping.covering(item.file_name)):
        return csv.identities(item, file)
    return ()
