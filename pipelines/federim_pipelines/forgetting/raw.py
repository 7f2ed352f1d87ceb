"""Remove what identifies a person who objects from where raw input waits, and from what was refused of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any

from pydicom import dcmread

from federim.home import Home
from federim.identity.rights import Erasure, Rights
from federim.model.errors import VerificationFailed
from federim.model.identifiers import PatientIdentity
from federim_pipelines.deidentify.quiet import quiet
from federim_pipelines.items import Item
from federim_pipelines.parked.lot import ParkingLot
from federim_pipelines.parked.piece import readable
from federim_pipelines.sources import dicom
from federim_pipelines.sources.content import opened
from federim_pipelines.sources.dicom_patient import identity_of
from federim_pipelines.sources.inputs import Inputs
from federim_pipelines.sources.persons import persons

_WAITING = ("arrived", "draining")
_REFUSED = "refused"


class _Speaks(Enum):
    """Of whom a file speaks."""

    OF_OPPOSED = "all of them object"
    OF_OTHERS_TOO = "some object"
    OF_OTHERS = "none objects"
    UNREADABLE = "it cannot be told"


class EraseSpooled:
    """The step of objects that came over the network.

    One that waits and speaks of others too stays until it is read: what is told of who objects is refused
    then, and the object goes. What cannot be read at all is counted, since nobody knows whose it is.
    """

    name = "spool"

    def __init__(self, rights: Rights) -> None:
        self._rights = rights

    def __call__(self, home: Home, erasure: Erasure) -> dict[str, int]:
        told = {"objects": 0, "wait_for_others": 0, "unreadable": 0}
        for stage in (*_WAITING, _REFUSED):
            for path, speaks in _spooled(home, self._rights, erasure, home.spool / stage):
                if speaks is _Speaks.OF_OPPOSED or (speaks is _Speaks.OF_OTHERS_TOO and stage == _REFUSED):
                    path.unlink(missing_ok=True)
                    told["objects"] += 1
                told["wait_for_others"] += speaks is _Speaks.OF_OTHERS_TOO and stage != _REFUSED
                told["unreadable"] += speaks is _Speaks.UNREADABLE
        return told


class EraseParked:
    """The step of pieces that wait, encrypted, for the key server; as `EraseSpooled`."""

    name = "parked"

    def __init__(self, rights: Rights) -> None:
        self._rights = rights

    def __call__(self, home: Home, erasure: Erasure) -> dict[str, int]:
        told = {"objects": 0, "wait_for_others": 0, "unreadable": 0}
        for bay in ParkingLot(home).bays():
            waiting = [(piece.path, False) for piece in bay.waiting()]
            for path, refused in [*waiting, *((path, True) for path in bay.refused)]:
                speaks = _parked(home, self._rights, erasure, path, bay.terms.issuer)
                if speaks is _Speaks.OF_OPPOSED or (speaks is _Speaks.OF_OTHERS_TOO and refused):
                    path.unlink(missing_ok=True)
                    told["objects"] += 1
                told["wait_for_others"] += speaks is _Speaks.OF_OTHERS_TOO and not refused
                told["unreadable"] += speaks is _Speaks.UNREADABLE
            told["unreadable"] += bay.damaged
        return told


def _spooled(home: Home, rights: Rights, erasure: Erasure, stage: Path) -> Iterator[tuple[Path, _Speaks]]:
    if not stage.is_dir():
        return
    issuers = sorted({"", *rights.issuers(erasure)})
    items: dict[Path, list[Item]] = defaultdict(list)
    for item in Inputs(home, [stage]).files:
        items[item.path].append(item)
    for path, parts in items.items():
        named = [told for part in parts for told in _named(part, home, issuers)]
        yield path, _speaks(rights, named)


def _parked(home: Home, rights: Rights, erasure: Erasure, path: Path, issuer: str) -> _Speaks:
    issuers = sorted({issuer, *rights.issuers(erasure)})
    try:
        with readable(Item(source=dicom.KIND, path=path, sealed=True), home) as within:
            return _speaks(rights, list(_named(within, home, issuers)))
    except (VerificationFailed, FileNotFoundError):
        return _Speaks.UNREADABLE


def _named(item: Item, home: Home, issuers: list[str]) -> Iterator[list[PatientIdentity]]:
    """Whom an item names; each in as many spellings as there are issuers of numbers that name none."""
    if item.source == dicom.KIND:
        header = _header(item)
        told = [] if header is None else [identity_of(header, issuer) for issuer in issuers]
        yield [each for each in told if each is not None]
        return
    spellings = [
        [each for each in persons(item, home, None, issuer=issuer) if isinstance(each, PatientIdentity)]
        for issuer in issuers
    ]
    yield from ([replace(each) for each in spelt] for spelt in zip(*spellings, strict=True))


def _header(item: Item) -> Any:
    with suppress(Exception), quiet(), opened(item) as file:  # pydicom raises many kinds
        return dcmread(file, stop_before_pixels=True)
    return None


def _speaks(rights: Rights, named: list[list[PatientIdentity]]) -> _Speaks:
    spelt = [each for each in named if each]
    if not spelt:
        return _Speaks.UNREADABLE
    answers = {any(rights.opposed(each)) for each in spelt}
    if answers == {True}:
        return _Speaks.OF_OPPOSED
    return _Speaks.OF_OTHERS_TOO if True in answers else _Speaks.OF_OTHERS
