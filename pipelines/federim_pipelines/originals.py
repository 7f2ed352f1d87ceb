"""Find a series' original files again, among those the site shows, by the keyed UIDs its lake knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydicom import Dataset, dcmread

from federim.home import Home
from federim.identity.exchange import Exchange
from federim.lake.reader import connect_home, query
from federim.model.errors import IdentityError, InputError, KeyServerAway, Opposed, VaultError
from federim_pipelines.deidentify.uids import keyed_uid
from federim_pipelines.sources.dicom_patient import identity_of
from federim_pipelines.sources.sniff import HEAD_BYTES, Kind, sniff

_ASKED: Final = (
    *("SOPInstanceUID", "PatientID", "IssuerOfPatientID", "OtherPatientIDsSequence"),
    *("IssuerOfPatientIDQualifiersSequence", "PatientBirthDate", "PatientSex", "SpecificCharacterSet"),
)


def originals(home: Home, series: str, folder: Path, *, issuer: str = "") -> dict[str, Path]:
    """The original file of every instance the lake has of a series, by its keyed SOPInstanceUID.

    Nothing has to be kept that leads from a keyed UID back to its original: whoever holds the original, and
    the site's vault, can key it again and compare.

    Parameters
    ----------
    series : str
        SeriesInstanceUID as the lake knows it.
    issuer : str
        Whose patient numbers those are that do not say it, as when the files were ingested.

    Raises
    ------
    InputError
        The lake has no such series, or not all of its instances are among the files.
    IdentityError
        The vault cannot be opened.
    """
    wanted = _instances(home, series)
    if not wanted:
        raise InputError("the lake has no series of this SeriesInstanceUID; expected one of its keyed UIDs")
    found: dict[str, Path] = {}
    with Exchange.open(home) as exchange:
        for path, header in _headers(folder):
            uid = _keyed_instance(header, exchange, issuer)
            if uid in wanted:
                found.setdefault(uid, path)
    missing = len(wanted - found.keys())
    if missing:
        raise InputError(
            f"series {series}: {missing} of its {len(wanted)} instances are not among the files; "
            "expected the originals of all of them, and --issuer as when they were ingested"
        )
    return found


def _instances(home: Home, series: str) -> set[str]:
    with connect_home(home) as connection:
        rows = query(
            connection,
            'SELECT "SOPInstanceUID" AS uid FROM instance WHERE "SeriesInstanceUID" = $series',
            seconds=home.settings.query_seconds,
            parameters={"series": series},
        ).to_pylist()
    return {row["uid"] for row in rows}


def _headers(folder: Path) -> Iterator[tuple[Path, Dataset]]:
    """The DICOM files under a folder; whatever else is there is passed over."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; expected the one with the original files")
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                if sniff(file.read(HEAD_BYTES)) is not Kind.DICOM:
                    continue
            header = dcmread(path, stop_before_pixels=True, specific_tags=list(_ASKED), force=True)
        except Exception:  # noqa: S112 — pydicom raises many kinds; a file that is missed is counted later
            continue
        yield path, header


def _keyed_instance(header: Dataset, exchange: Exchange, issuer: str) -> str:
    """What the lake would call the instance; nothing where its patient is not known."""
    identity = identity_of(header, issuer)
    try:
        subject = None if identity is None else exchange.find(identity)
    except VaultError:
        raise
    except (IdentityError, KeyServerAway, Opposed):
        return ""
    uid = str(header.get("SOPInstanceUID") or "").strip(" \0")
    return "" if subject is None else keyed_uid(subject.uid_key, uid)
