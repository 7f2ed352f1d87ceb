"""Hand a site the images it wants to deface, and put its defaced versions in their place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pydicom

from federim.audit import trail
from federim.home import Home, Role
from federim.lake import images, replaced
from federim.lake.images import StoredObject
from federim.lake.reader import connect_home, query
from federim.lake.storage import write_once
from federim.lake.tables import Lake, LakeWriter
from federim.model.errors import InputError
from federim_pipelines.defaced_instance import Unlike, with_pixels_of

Row = dict[str, Any]

_TABLES: Final = ("image_occurrence", "instance", "instance_file")


@dataclass(frozen=True, slots=True)
class Replaced:
    """A series that has its defaced version now, and how many of its instances changed their pixels."""

    series: str
    instances: int
    changed: int


def export_series(home: Home, series: str, folder: Path, *, actor: str) -> int:
    """Write the objects of one series, as the lake holds them, into a new or empty folder of the site.

    They are de-identified but for the face, and are to stay at the site. Returns how many.

    Raises
    ------
    InputError
        The lake has no such series, or the folder holds something.
    LakeError
        An object is missing.
    """
    home.require(Role.SITE)
    files = _rows(home, series)["instance_file"]
    if not files:
        raise InputError(
            "the lake has no series of this SeriesInstanceUID; expected one of its own keyed UIDs"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} holds something already; expected an empty folder, or none")
    with trail.acting(home, actor, "images.export", series=trail.digest(home, series), instances=len(files)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for row in files:
            content = images.read(home, row["path"]).read_bytes()
            write_once(folder / f"{row['SOPInstanceUID']}.dcm", content, beside=folder)
    return len(files)


def replace_series(home: Home, folder: Path, *, actor: str) -> list[Replaced]:
    """Put the defaced versions of series, found in `folder`, in the place of the lake's own.

    A file is matched to its instance by SOPInstanceUID. Only its pixels are taken: see `with_pixels_of`. A
    series is replaced whole or not at all; those before the one that is refused stay replaced. What was
    replaced is removed unless a snapshot pins it.

    Raises
    ------
    InputError
        A file is no DICOM image of the lake, or no defaced version of it; a series is incomplete, given
        twice, or none of its pixels is another.
    LakeError
        Another run is writing, or an object is missing.
    StorageFull
        The disk refuses; the series is replaced as it was, or will be by the next run.
    """
    home.require(Role.SITE)
    given = _defaced(folder)
    done = []
    with Lake(home).writing() as writer:
        for series, files in sorted(_by_series(home, given).items()):
            done.append(_replace(home, writer, series, files, actor=actor))
    return done


def _replace(
    home: Home, writer: LakeWriter, series: str, files: Mapping[str, Path], *, actor: str
) -> Replaced:
    rows = _rows(home, series)
    paths = {row["SOPInstanceUID"]: row["path"] for row in rows["instance_file"]}
    if paths.keys() != files.keys():
        raise InputError(
            f"series {series}: {len(files)} of its {len(paths)} instances are given; expected all of them"
        )
    stored: dict[str, StoredObject] = {}
    syntaxes: dict[str, str] = {}
    changed = 0
    try:
        for uid, path in paths.items():
            own = pydicom.dcmread(images.read(home, path))
            try:
                content, differs = with_pixels_of(own, pydicom.dcmread(files[uid]))
            except Unlike as unlike:
                raise InputError(f"series {series}, instance {uid}: {unlike}") from None
            changed += differs
            stored[uid] = images.store(home, content)
            syntaxes[uid] = str(own.file_meta.TransferSyntaxUID)
        if not changed:
            raise InputError(f"series {series}: no pixel differs from the lake's; nothing was defaced")
    except BaseException:
        for uid, new in stored.items():
            if new.path != paths[uid]:
                images.discard(home, new.path)
        raise
    # First: a batch that a full disk leaves for the next run to complete must not go unrecorded.
    told = trail.digest(home, series)
    trail.record(home, actor, "images.replace", series=told, instances=len(paths), changed=changed)
    writer.replace(_updated(rows, stored, syntaxes), dropped=paths.values())
    replaced.sweep(home, writer)
    return Replaced(series, len(paths), changed)


def _updated(
    rows: Mapping[str, list[Row]], stored: Mapping[str, StoredObject], syntaxes: Mapping[str, str]
) -> dict[str, list[Row]]:
    """The rows of a series as they are once its objects are the `stored` ones, by SOPInstanceUID."""
    size = sum(new.size for new in stored.values())
    return {
        "image_occurrence": [
            {**row, "RecognizableVisualFeatures": "NO", "SizeBytes": size} for row in rows["image_occurrence"]
        ],
        "instance": [
            {**row, "TransferSyntaxUID": syntaxes[row["SOPInstanceUID"]]} for row in rows["instance"]
        ],
        "instance_file": [
            {**row, "sha256": new.sha256, "path": new.path, "size": new.size}
            for row in rows["instance_file"]
            for new in (stored[row["SOPInstanceUID"]],)
        ],
    }


def _rows(home: Home, series: str) -> dict[str, list[Row]]:
    """What the lake's tables say of one series."""
    with connect_home(home) as connection:
        return {
            name: query(
                connection,
                f'SELECT * FROM {name} WHERE "SeriesInstanceUID" = $series',
                seconds=home.settings.query_seconds,
                parameters={"series": series},
            ).to_pylist()
            for name in _TABLES
        }


def _defaced(folder: Path) -> dict[str, Path]:
    """The DICOM files under `folder`, by SOPInstanceUID."""
    found: dict[str, Path] = {}
    for number, path in enumerate(sorted(path for path in folder.rglob("*") if path.is_file()), start=1):
        which = f"file {number} of the folder, by name,"  # which itself may be a patient's
        try:
            uid = str(pydicom.dcmread(path, stop_before_pixels=True)["SOPInstanceUID"].value)
        except Exception as error:  # pydicom raises many kinds, and their texts quote values
            raise InputError(
                f"{which} is no DICOM image ({type(error).__name__}); "
                "expected the defaced versions of exported series, and nothing else"
            ) from None
        if uid in found:
            raise InputError(f"{which} is of the same instance as one before it; expected each once")
        found[uid] = path
    if not found:
        raise InputError("the folder holds no file; expected the defaced versions of exported series")
    return found


def _by_series(home: Home, files: Mapping[str, Path]) -> dict[str, dict[str, Path]]:
    """The files of each series, by SOPInstanceUID."""
    with connect_home(home) as connection:
        known = query(
            connection,
            'SELECT "SeriesInstanceUID" AS series, "SOPInstanceUID" AS uid FROM instance_file '
            'WHERE "SOPInstanceUID" IN (SELECT unnest($uids))',
            seconds=home.settings.query_seconds,
            parameters={"uids": list(files)},
        ).to_pylist()
    if len(known) != len(files):
        raise InputError(
            f"{len(files) - len(known)} of {len(files)} files are of no instance of this lake; expected the "
            "SOPInstanceUIDs of exported files"
        )
    series: dict[str, dict[str, Path]] = defaultdict(dict)
    for row in known:
        series[row["series"]][row["uid"]] = files[row["uid"]]
    return series
