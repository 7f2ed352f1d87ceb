"""Series of a snapshot as volumes on one grid, one array a series."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import highdicom
import numpy as np
import pydicom
from numpy.typing import NDArray

from federim.home import Home
from federim.lake import faces, images, reader, snapshot
from federim.model.errors import InputError
from federim.model.identifiers import Pseudonym
from federim.model.training import EXEMPT, Preprocessing, TrainingPlan
from federim_federated import labels
from federim_federated.examples import Cohort
from federim_federated.pins import pinned

LOG: Final = logging.getLogger("federim.federated")

_NO_VOLUME: Final = (AttributeError, KeyError, NotImplementedError, RuntimeError, ValueError)
"""What highdicom and pydicom raise on slices that make no regular volume or cannot be decoded."""


def read(home: Home, plan: TrainingPlan) -> Cohort:
    """Every series of the plan's modality whose person has a label.

    Returns
    -------
    Cohort
        `inputs` is float32, shape (series, slices, rows, columns) by the plan's preprocessing, in [0, 1].
        A series that may show a face, unless the plan exempts faces, and one that is no regular volume are
        left out; the site's log says how many.

    Raises
    ------
    InputError
        No series of the snapshot may be used and is a volume with a label.
    LakeError, UnknownName, VerificationFailed
        The snapshot is not here, or is not the one the plan pins.
    """
    if plan.preprocessing is None:
        raise InputError(f"training plan {plan.name}: an image task without preprocessing")
    with snapshot.connect(home, pinned(home, plan)) as connection:
        cases = labels.read(home, connection, plan.label)
        found = reader.query(
            connection,
            files("federim_federated").joinpath("sql/series.sql").read_text(),
            seconds=home.settings.query_seconds,
            parameters={"modality": plan.preprocessing.modality},
        )
        held = (
            frozenset()
            if plan.faces == EXEMPT
            else faces.held(connection, seconds=home.settings.query_seconds)
        )
    persons: list[Pseudonym] = []
    volumes: list[NDArray[np.float32]] = []
    left_out = with_faces = 0
    for series in found.to_pylist():
        if series["person_id"] not in cases:
            continue
        if series["SeriesInstanceUID"] in held:
            with_faces += 1
            continue
        try:
            volumes.append(volume((images.read(home, path) for path in series["paths"]), plan.preprocessing))
        except _NO_VOLUME:
            left_out += 1
        else:
            persons.append(Pseudonym(series["person_id"]))
    if left_out:
        LOG.warning(
            "%s: %d of %d series make no volume and are left out", home.name, left_out, found.num_rows
        )
    if with_faces:
        LOG.warning(
            "%s: %d of %d series may show a face and are left out; have them defaced, take the defaced ones "
            "in with federim images replace, and freeze the cohort again",
            home.name,
            with_faces,
            found.num_rows,
        )
    if not volumes:
        raise InputError(
            f"training plan {plan.name}: no series of this snapshot is a volume with a label and no face"
        )
    return Cohort(
        person_ids=persons, inputs=np.stack(volumes), labels=np.array([cases[person] for person in persons])
    )


def volume(paths: Iterable[Path], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Decode one series and bring it on the plan's grid.

    Returns
    -------
    NDArray[np.float32], shape (slices, rows, columns)
        Slices in the order that makes the three axes right-handed, as highdicom has it: for axial slices
        read left to right and front to back, from head to feet. Intensities after the modality transform,
        windowed to [0, 1].

    References
    ----------
    DICOM PS3.3, C.7.6.2.1.1 (position) and C.11.1 (modality transform).
    """
    decoded = highdicom.get_volume_from_series([pydicom.dcmread(path) for path in paths], dtype=np.float32)
    low, high = preprocessing.window
    windowed = np.clip((decoded.array - low) / (high - low), 0.0, 1.0)
    return resample(windowed, decoded.spacing, preprocessing.spacing_mm, preprocessing.size)


def resample(
    voxels: NDArray[Any],
    spacing_mm: Iterable[float],
    to_spacing_mm: Iterable[float],
    to_size: Iterable[int],
) -> NDArray[np.float32]:
    """Put a volume on another grid with the same centre, cutting or padding with 0 where it does not fit.

    Linear between voxels; where the new voxels are larger, each is the mean over its extent, so that a
    small lesion grows faint instead of falling between two samples.

    Parameters
    ----------
    voxels : NDArray, shape (slices, rows, columns)
    spacing_mm, to_spacing_mm
        Distances in mm along the same three axes.
    to_size
        Voxels along each axis of the result, float32.
    """
    for axis, (step, to_step, size) in enumerate(zip(spacing_mm, to_spacing_mm, to_size, strict=True)):
        weights = _weights(voxels.shape[axis], step, size, to_step)
        voxels = np.moveaxis(np.tensordot(weights, voxels, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(voxels, dtype=np.float32)


def _weights(count: int, step: float, to_count: int, to_step: float) -> NDArray[np.float64]:
    """Share of each old voxel in each new one along one axis, shape (to_count, count)."""
    samples = max(1, round(to_step / step))  # points across one new voxel
    points = (np.arange(to_count * samples) - (to_count * samples - 1) / 2) * (to_step / samples) / step
    place = points + (count - 1) / 2
    inside = (place > -0.5) & (place < count - 0.5)
    held = np.clip(place, 0, count - 1)
    lower = np.minimum(held.astype(int), max(count - 2, 0))
    above = held - lower
    weights = np.zeros((to_count * samples, count))
    rows = np.arange(len(place))
    weights[rows, lower] += (1 - above) * inside
    if count > 1:
        weights[rows, lower + 1] += above * inside
    shares: NDArray[np.float64] = weights.reshape(to_count, samples, count).mean(axis=1)
    return shares
