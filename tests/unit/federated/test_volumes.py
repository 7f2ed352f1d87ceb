"""Series become arrays on one grid: position, spacing and intensity are kept, whatever the scanner's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydicom.uid import generate_uid

from federim.model.training import Preprocessing
from federim_federated.decoding import resample, volume

HOUNSFIELD_LOW, HOUNSFIELD_HIGH = -1000.0, 1000.0


def series(folder: Path, voxels: np.ndarray, spacing: tuple[float, float, float]) -> list[Path]:
    """Write Hounsfield units, shape (slices, rows, columns), as a CT series; files in no particular order."""
    header = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
    header.SeriesInstanceUID = generate_uid()
    header.Rows, header.Columns = voxels.shape[1:]
    header.PixelSpacing = [spacing[1], spacing[2]]
    header.RescaleSlope, header.RescaleIntercept = 2, -1024
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    for element in ("DataSetTrailingPadding", "PixelPaddingValue"):
        if element in header:
            del header[element]
    paths = []
    for number in np.random.default_rng(0).permutation(len(voxels)):
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        header.InstanceNumber = int(number) + 1
        header.ImagePositionPatient = [0, 0, float(number) * spacing[0]]
        stored = np.round((voxels[number] + 1024) / 2).astype(np.int16)
        header.PixelData = stored.tobytes()
        paths.append(folder / f"{header.SOPInstanceUID}.dcm")
        header.save_as(paths[-1])
    return paths


def grid(size: tuple[int, int, int], spacing: tuple[float, float, float]) -> Preprocessing:
    return Preprocessing(
        modality="CT", size=size, spacing_mm=spacing, window=(HOUNSFIELD_LOW, HOUNSFIELD_HIGH)
    )


def test_slices_go_from_head_to_feet_in_hounsfield_units(tmp_path):
    wanted = np.zeros((8, 16, 16)) + np.arange(8)[:, None, None] * 100
    spacing = (5.0, 0.7, 0.7)
    found = volume(series(tmp_path, wanted, spacing), grid((8, 16, 16), spacing))
    assert (found.shape, found.dtype) == ((8, 16, 16), np.float32)
    np.testing.assert_allclose(found * 2000 - 1000, wanted[::-1], atol=1.1)


def test_two_scanners_see_the_same_lesion_at_the_same_place(tmp_path):
    def scanned(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> np.ndarray:
        axes = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(shape, spacing, strict=True)]
        z, y, x = np.meshgrid(*axes, indexing="ij")
        lesion = np.exp(-((z - 7.5) ** 2 + (y + 9) ** 2 + (x - 9) ** 2) / 60)
        folder = tmp_path / f"{spacing[0]}"
        folder.mkdir()
        return volume(series(folder, -200 + 800 * lesion, spacing), grid((16, 32, 32), (3.0, 2.0, 2.0)))

    fine, coarse = scanned((40, 80, 80), (1.0, 0.8, 0.8)), scanned((16, 44, 44), (2.5, 1.5, 1.5))
    inside = np.s_[3:-3, 2:-2, 2:-2]
    assert np.unravel_index(fine.argmax(), fine.shape) == np.unravel_index(coarse.argmax(), coarse.shape)
    assert np.abs(fine[inside] - coarse[inside]).max() < 0.02


def test_slices_that_make_no_volume_are_an_error_the_reader_can_count(tmp_path):
    paths = series(tmp_path, np.zeros((6, 16, 16)), (5.0, 1.0, 1.0))
    bent = pydicom.dcmread(paths[2])
    bent.ImagePositionPatient = [0, 0, 2.2]
    bent.save_as(paths[2])
    with pytest.raises(ValueError, match=r"."):
        volume(paths, grid((8, 16, 16), (5.0, 1.0, 1.0)))


sizes = st.integers(min_value=2, max_value=12)
steps = st.floats(min_value=0.3, max_value=5.0)


@given(sizes, sizes, sizes)
def test_the_same_grid_changes_nothing(slices, rows, columns):
    voxels = np.random.default_rng(0).random((slices, rows, columns))
    same = resample(voxels, (2.0, 1.0, 1.0), (2.0, 1.0, 1.0), voxels.shape)
    np.testing.assert_allclose(same, voxels, atol=1e-6)


@given(sizes, steps, steps)
def test_a_flat_volume_stays_flat_where_it_reaches(count, step, to_step):
    to_size = int(count * step / to_step)
    assume(to_size >= 1)
    flat = np.full((count,) * 3, 0.7)
    inside = resample(flat, (step,) * 3, (to_step,) * 3, (to_size,) * 3)
    np.testing.assert_allclose(inside, 0.7, atol=1e-6)


def test_outside_the_volume_is_the_windows_low_end():
    padded = resample(np.ones((4, 4, 4)), (1.0,) * 3, (1.0,) * 3, (8, 8, 8))
    assert padded.sum() == pytest.approx(64)
    assert padded[0].max() == 0.0


def test_one_voxels_lesion_is_not_lost_between_larger_ones():
    voxels = np.zeros((16, 16, 16))
    voxels[5, 6, 7] = 1.0
    assert resample(voxels, (1.0,) * 3, (4.0,) * 3, (4, 4, 4)).sum() == pytest.approx(1 / 64, rel=0.05)
