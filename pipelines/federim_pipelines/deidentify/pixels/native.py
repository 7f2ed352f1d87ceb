"""Blank boxes in native pixel data, changing no other byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian

from federim_pipelines.deidentify.pixels.rendering import darkest, number_of_frames

if TYPE_CHECKING:
    from federim_pipelines.deidentify.pixels.projection import BurnedText
    from federim_pipelines.deidentify.pixels.rendering import Samples

_SUBSAMPLED: Final = "YBR_FULL_422"  # two pixels in four samples: Y Y Cb Cr (PS3.3, C.7.6.3.1.2)


def blank_native(dataset: Dataset, text: BurnedText) -> None:
    """Blank the boxes of text in native pixel data, in place.

    Where two pixels share their colour, both sides of a box end at such a pair.

    References
    ----------
    DICOM PS3.5, 8.1.1; PS3.3, C.7.6.3.1.3 (PlanarConfiguration).
    """
    element = dataset["PixelData"]
    content = bytearray(element.value)
    element.value = b""  # a loop is hundreds of megabytes: no third copy of it
    big_endian = dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    # In big endian, bytes in words are in the words' order, which is not the pixels' (PS3.5, 8.2.2).
    swapped = big_endian and element.VR == "OW" and dataset.BitsAllocated == 8
    everything = np.frombuffer(content, np.uint8)
    if swapped:
        _swap(everything)
    for index in range(number_of_frames(dataset)):
        boxes = text.boxes(index)
        if not boxes:
            continue
        cells, wide = _frame(everything, dataset, index, big_endian=big_endian)
        dark = darkest(cells, dataset, dataset.PhotometricInterpretation)
        for box in boxes:
            cells[box.top : box.bottom, box.left // wide : -(-box.right // wide)] = dark
    if swapped:
        _swap(everything)
    element.value = bytes(content)


def _frame(everything: Samples, dataset: Dataset, index: int, *, big_endian: bool) -> tuple[Samples, int]:
    """A frame as (rows, cells[, samples of a cell]), sharing its memory, and how many columns a cell is."""
    kind = ("i" if dataset.PixelRepresentation else "u") + str(dataset.BitsAllocated // 8)
    rows, columns, samples = int(dataset.Rows), int(dataset.Columns), int(dataset.SamplesPerPixel)
    subsampled = dataset.PhotometricInterpretation == _SUBSAMPLED
    length = rows * columns * (2 if subsampled else samples) * dataset.BitsAllocated // 8
    frame = everything[index * length : (index + 1) * length].view((">" if big_endian else "<") + kind)
    if subsampled:
        return frame.reshape(rows, columns // 2, 4), 2
    if samples == 1:
        return frame.reshape(rows, columns), 1
    if dataset.PlanarConfiguration == 1:
        return np.moveaxis(frame.reshape(samples, rows, columns), 0, -1), 1
    return frame.reshape(rows, columns, samples), 1


def _swap(everything: Samples) -> None:
    words = everything[: everything.size & ~1].view(np.uint16)
    words.byteswap(inplace=True)
