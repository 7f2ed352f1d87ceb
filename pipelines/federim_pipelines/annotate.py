"""Give a site's PACS what a model found in a series of its lake, on the series' original UIDs."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from federim.audit import trail
from federim.home import Home, Role
from federim.lake.annotation_file import load
from federim.lake.annotations import report, segmentation
from federim.lake.storage import write_once
from federim.model.errors import InputError
from federim_pipelines.originals import originals


@dataclass(frozen=True, slots=True)
class Annotated:
    """What was written about a series: names of files in the folder, how many segments and findings."""

    series: str
    files: tuple[str, ...]
    segments: int
    findings: int


def annotate(
    home: Home,
    series: str,
    description: Path,
    *,
    originals_in: Path,
    to: Path,
    mask: Path | None = None,
    issuer: str = "",
    actor: str,
) -> Annotated:
    """Write a model's findings into a new or empty folder of the site: `segmentation.dcm`, `report.dcm`.

    Both name the patient, the study and the images as the originals do: they are for the site's PACS, and
    stay at the site. The lake learns of them as of any other object, when they are ingested.

    Parameters
    ----------
    series : str
        SeriesInstanceUID as the lake knows it.
    description : Path
        See `federim.lake.annotation_file`.
    originals_in : Path
        A folder that holds the series' original files, among others or not.
    mask : Path, optional
        A NumPy file (.npy); see `federim.lake.annotations.segmentation`. Asked for where segments are
        described, and only there.

    Raises
    ------
    InputError
        A file or setting cannot be used, an original is not there, or the folder is within the home, which
        keeps no identity but in its vault.
    IdentityError
        The vault cannot be opened.
    StorageFull
        The disk refuses; no half file stays.
    """
    home.require(Role.SITE)
    _check_folder(home, to)
    annotation = load(description)
    drawn = _mask(mask, described=bool(annotation.segments))
    images = _read(originals(home, series, originals_in, issuer=issuer))
    made: dict[str, Dataset] = {}
    if drawn is not None:
        made["segmentation.dcm"] = segmentation(list(images.values()), drawn, annotation)
    if annotation.findings:
        made["report.dcm"] = report(images, annotation, made.get("segmentation.dcm"))
    done = Annotated(series, tuple(made), len(annotation.segments), len(annotation.findings))
    with trail.acting(
        home,
        actor,
        "annotations.write",
        series=trail.digest(home, series),
        segments=done.segments,
        findings=done.findings,
    ):
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, dataset in made.items():
            write_once(to / name, _content(dataset), beside=to)
    return done


def _check_folder(home: Home, to: Path) -> None:
    if to.resolve().is_relative_to(home.root.resolve()):
        raise InputError(
            "the folder to write in is within the home; expected one outside, of the site's PACS"
        )
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InputError(f"{to} holds something already; expected an empty folder, or none")


def _mask(path: Path | None, *, described: bool) -> NDArray[Any] | None:
    if (path is not None) != described:
        raise InputError(
            "segments are described and no mask is given; expected --mask"
            if described
            else "a mask is given and no segment described; expected [[segments]] in the description"
        )
    if path is None:
        return None
    try:
        mask: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"mask {path.name} cannot be read ({type(error).__name__}); expected a .npy file"
        ) from None
    return mask


def _read(paths: dict[str, Path]) -> dict[str, Dataset]:
    """The originals without their pixels, which nothing written repeats."""
    images: dict[str, Dataset] = {}
    for number, (uid, path) in enumerate(paths.items(), start=1):
        try:
            images[uid] = dcmread(path, stop_before_pixels=True)
        except Exception as error:  # pydicom raises many kinds, and their texts quote values
            raise InputError(
                f"original {number} of {len(paths)} cannot be read ({type(error).__name__})"
            ) from None
    return images


def _content(dataset: Dataset) -> bytes:
    written = BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()
