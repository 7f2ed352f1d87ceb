"""Decode one series and bring it on a plan's grid."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import highdicom
import numpy as np
import pydicom
from numpy.typing import NDArray

from federim.keys import canonical
from federim.model.training import Preprocessing

NO_VOLUME: Final = (AttributeError, KeyError, NotImplementedError, RuntimeError, ValueError)
"""What highdicom and pydicom raise on slices that make no regular volume or cannot be decoded."""

_DECODERS: Final = (
    "highdicom",
    "numpy",
    "pydicom",
    "pyjpegls",
    "pylibjpeg",
    "pylibjpeg-libjpeg",
    "pylibjpeg-openjpeg",
)


@cache
def code_version() -> str:
    """SHA-256 over this file and the versions of what it decodes with: the same, and arrays are the same."""
    versions = {name: version(name) for name in _DECODERS}
    return hashlib.sha256(Path(__file__).read_bytes() + canonical(versions)).hexdigest()


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
