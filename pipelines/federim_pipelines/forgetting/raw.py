"""Remove what identifies a person who objects from where raw input waits, and from what was refused of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import Any, Final

from pydicom import dcmread

from federim.home import Home
from federim.identity.rights import Erasure, Rights
from federim.model.errors import VerificationFailed
from federim.model.identifiers import PatientIdentity
from federim_pipelines.deidentify.quiet import quiet
from federim_pipelines.items import Item
from federim_pipelines.parked.lot import Bay, ParkingLot
from federim_pipelines.parked.piece import readable
from federim_pipelines.sources import dicom, mapping
from federim_pipelines.sources.content import opened
from federim_pipelines.sources.dicom_patient import identity_of
from federim_pipelines.sources.inputs import Inputs
from federim_pipelines.sources.mapping import Mapping as Columns
from federim_pipelines.sources.persons import persons

Spellings = list[PatientIdentity]
"""One person as a file names them, once for each issuer that a number without one may be of."""

_WAITING: Final = ("arrived", "draining")
_REFUSED: Final = "refused"


class _Speaks(Enum):
    """Of whom a file speaks."""

    OF_OPPOSED = "all of them object"
    OF_OTHERS_TOO = "some object"
    OF_OTHERS = "none objects"
    OF_NOBODY = "whose it is cannot be told"


class EraseSpooled:
    """The step of objects that came over the network.

    One that waits and speaks of others too stays until it is read: what is told of who objects is refused
    then, and the object goes. What names nobody that can be read is counted, since nobody knows whose it is.
    """

    name = "spool"

    def __init__(self, rights: Rights) -> None:
        self._rights = rights

    def __call__(self, home: Home, erasure: Erasure) -> dict[str, int]:
        issuers = sorted({"", *self._rights.issuers(erasure)})
        named: dict[Path, list[Spellings]] = defaultdict(list)
        refused: set[Path] = set()
        for stage in (*_WAITING, _REFUSED):
            if not (home.spool / stage).is_dir():
                continue
            for item in Inputs(home, [home.spool / stage]).files:
                named[item.path] += _named(item, home, issuers)
                if stage == _REFUSED:
                    refused.add(item.path)
        return _erase(self._rights, named, refused)


class EraseParked:
    """The step of pieces that wait, encrypted, for the key server; as `EraseSpooled`."""

    name = "parked"

    def __init__(self, rights: Rights) -> None:
        self._rights = rights

    def __call__(self, home: Home, erasure: Erasure) -> dict[str, int]:
        told: Counter[str] = Counter()
        for bay in ParkingLot(home).bays():
            issuers = sorted({bay.terms.issuer, *self._rights.issuers(erasure)})
            refused = set(bay.refused)
            with _columns(home, bay) as columns:
                named = {
                    path: list(_sealed(path, home, issuers, columns))
                    for path in [*(piece.path for piece in bay.waiting()), *refused]
                }
            told.update(_erase(self._rights, named, refused))
            told["of_nobody"] += bay.damaged
        return dict(told)


def _erase(rights: Rights, named: Mapping[Path, Sequence[Spellings]], refused: set[Path]) -> dict[str, int]:
    """Remove the files of who objects; each is asked about twice, since one may tell another number."""
    told: Counter[str] = Counter(objects=0)
    for spellings in named.values():
        _speaks(rights, spellings)
    for path, spellings in named.items():
        speaks = _speaks(rights, spellings)
        if speaks is _Speaks.OF_OPPOSED or (speaks is _Speaks.OF_OTHERS_TOO and path in refused):
            path.unlink(missing_ok=True)
            told["objects"] += 1
        elif speaks is _Speaks.OF_OTHERS_TOO:
            told["wait_for_others"] += 1
        elif speaks is _Speaks.OF_NOBODY:
            told["of_nobody"] += 1
    return dict(told)


def _speaks(rights: Rights, named: Sequence[Spellings]) -> _Speaks:
    spelt = [each for each in named if each]
    if not spelt:
        return _Speaks.OF_NOBODY
    answers = {any(rights.opposed(each)) for each in spelt}
    if answers == {True}:
        return _Speaks.OF_OPPOSED
    return _Speaks.OF_OTHERS_TOO if True in answers else _Speaks.OF_OTHERS


def _sealed(path: Path, home: Home, issuers: Sequence[str], columns: Columns | None) -> Iterator[Spellings]:
    with (
        suppress(VerificationFailed, FileNotFoundError),
        readable(Item(source=dicom.KIND, path=path, sealed=True), home) as within,
    ):
        yield from _named(within, home, issuers, columns)


def _named(
    item: Item, home: Home, issuers: Sequence[str], columns: Columns | None = None
) -> Iterator[Spellings]:
    """Whom an item names."""
    if item.source == dicom.KIND:
        header = _header(item)
        told = [] if header is None else [identity_of(header, issuer) for issuer in issuers]
        yield [each for each in told if each is not None]
        return
    by_issuer = [
        [each for each in persons(item, home, columns, issuer=issuer) if isinstance(each, PatientIdentity)]
        for issuer in issuers
    ]
    for spelt in zip(*by_issuer, strict=True):
        yield list(spelt)


def _header(item: Item) -> Any:
    with suppress(Exception), quiet(), opened(item) as file:  # pydicom raises many kinds
        return dcmread(file, stop_before_pixels=True)
    return None


@contextmanager
def _columns(home: Home, bay: Bay) -> Iterator[Columns | None]:
    """What the columns of CSV files mean that wait in a bay."""
    with bay.terms.task(home, year=0, denied=frozenset()) as task:
        yield None if task.mapping is None else mapping.load_mapping(task.mapping)
