"""Read an image's frames one by one, and turn samples into pictures in which text can be seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydicom import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.uid import ExplicitVRBigEndian

from federim_pipelines.deidentify.multiplicity import values_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from federim_pipelines.deidentify.pixels.pictures import Picture

    Samples = NDArray[Any]  # (rows, columns) of a grey frame, (rows, columns, 3) of red, green and blue

_GREY: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
_COLOUR: Final = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR"})
_LEFT_OUT: Final = 0.5  # percent of a picture, at both ends of its range
_ALIKE: Final = 8  # of 255 shades: the mean difference of two pictures that need not both be read


class Undecodable(Exception):
    """The pixels cannot be read; the message says what, without a value."""


def number_of_frames(dataset: Dataset) -> int:
    """How many frames an image has; 1 where it does not say."""
    try:
        return max(int(dataset.get("NumberOfFrames") or 1), 1)
    except (TypeError, ValueError):
        raise Undecodable("NumberOfFrames (0028,0008) is no number") from None


def is_inverted(dataset: Dataset) -> bool:
    """Whether the lowest sample is the lightest.

    References
    ----------
    DICOM PS3.3, C.7.6.3.1.2 and C.11.6 (PresentationLUTShape).
    """
    shape = str(dataset.get("PresentationLUTShape") or "").strip()
    return dataset.PhotometricInterpretation == "MONOCHROME1" or shape == "INVERSE"


def darkest(frame: Samples, dataset: Dataset, interpretation: str) -> Any:
    """The darkest value that a frame's pixels can take without leaving its range: a sample, or one for each.

    `frame` is as stored, (rows, columns) or (rows, columns, samples); four samples are two pixels' Y Y Cb Cr.

    References
    ----------
    DICOM PS3.3, C.7.6.3.1.2.
    """
    if interpretation == "PALETTE COLOR":
        entries, first, _ = dataset.RedPaletteColorLookupTableDescriptor
        indices = first + np.arange(entries or 2**16)
        return indices[_coloured(indices, dataset).sum(axis=-1, dtype=np.int64).argmin()]
    if frame.ndim == 2:
        return frame.max() if is_inverted(dataset) else frame.min()
    if interpretation.startswith("YBR"):
        no_colour = 1 << (int(dataset.BitsStored) - 1)
        return [0] * (frame.shape[-1] - 2) + [no_colour, no_colour]
    return [0] * frame.shape[-1]


def samples_of(dataset: Dataset, indices: Iterable[int] | None = None) -> Iterator[Samples]:
    """The frames of an image, one at a time: grey as stored, colours as red, green and blue.

    Raises
    ------
    Undecodable
        No decoder for the transfer syntax, a photometric interpretation or a depth that is not an image's
        with text in it, or whatever the decoder raises.
    """
    interpretation = str(dataset.get("PhotometricInterpretation") or "").strip()
    if interpretation not in _GREY | _COLOUR:
        raise Undecodable("PhotometricInterpretation (0028,0004) is none that can be read")
    if dataset.get("BitsAllocated") not in (8, 16, 32):
        raise Undecodable("BitsAllocated (0028,0100) is not 8, 16 or 32")
    try:
        for frame in _decoded(dataset, indices):
            yield _coloured(frame, dataset) if interpretation == "PALETTE COLOR" else frame
    except Exception as error:  # every decoder has its own
        raise Undecodable(f"PixelData (7FE0,0010): {type(error).__name__}") from None


def _decoded(dataset: Dataset, indices: Iterable[int] | None) -> Iterator[Samples]:
    syntax = dataset.file_meta.TransferSyntaxUID
    decoder = get_decoder(syntax)
    if syntax.is_compressed:
        for frame, _ in decoder.iter_array(dataset, indices=indices, raw=False):
            yield frame
    else:
        # Iterating, pydicom takes the frames after the first of a subsampled image for whole ones.
        for index in indices or range(number_of_frames(dataset)):
            yield decoder.as_array(dataset, index=index, raw=False)[0]


def pictures_of(samples: Samples, dataset: Dataset) -> list[Picture]:
    """A frame, or a projection of several, as it may be looked at, shape (rows, columns, 3).

    Grey samples of more than 8 bits are seen in their whole range, and in the window the image asks for or,
    without one, in the range of nearly all of its pixels: text may be lost in either.

    References
    ----------
    DICOM PS3.3, C.11.2.
    """
    if samples.ndim == 3:
        return [_scaled(samples, samples.min(), samples.max())]
    whole = _grey(_scaled(samples, samples.min(), samples.max()), dataset)
    if samples.dtype.itemsize == 1:
        return [whole]
    window = _windowed(samples, dataset)
    if window is None:
        low, high = np.percentile(samples, (_LEFT_OUT, 100 - _LEFT_OUT))
        window = _scaled(samples, low, high)
    shown = _grey(window, dataset)
    alike = np.abs(whole.astype(np.int16) - shown).mean() < _ALIKE
    return [whole] if alike else [whole, shown]


def _coloured(indices: Samples, dataset: Dataset) -> Samples:
    coloured = apply_color_lut(indices, _palette(dataset))[..., :3]
    return coloured if coloured.dtype.itemsize == 1 else (coloured >> 8).astype(np.uint8)


def _palette(dataset: Dataset) -> Dataset:
    """A palette whose words are little endian, which pydicom takes those of any dataset for."""
    if dataset.file_meta.TransferSyntaxUID != ExplicitVRBigEndian:
        return dataset
    palette = Dataset()
    palette.file_meta = dataset.file_meta
    for colour in ("Red", "Green", "Blue"):
        descriptor, data = (f"{colour}PaletteColorLookupTable{part}" for part in ("Descriptor", "Data"))
        setattr(palette, descriptor, dataset[descriptor].value)
        if data in dataset:
            setattr(palette, data, np.frombuffer(dataset[data].value, ">u2").astype("<u2").tobytes())
        else:
            setattr(palette, f"Segmented{data}", dataset[f"Segmented{data}"].value)
    return palette


def _windowed(samples: Samples, dataset: Dataset) -> Picture | None:
    try:
        centre, width = (float(values_of(dataset.get(key))[0]) for key in ("WindowCenter", "WindowWidth"))
        shown = apply_modality_lut(samples, dataset).astype(np.float64)
    except Exception:  # absent, or no number, or a lookup table that is damaged
        return None
    return _scaled(shown, centre - width / 2, centre + width / 2)


def _scaled(samples: Samples, low: float, high: float) -> Picture:
    """Samples from `low` to `high` as 0 to 255; those outside become the nearer end."""
    span = float(high) - float(low)
    if span <= 0:
        return np.zeros(samples.shape, np.uint8)
    scaled = (samples.astype(np.float32) - np.float32(low)) * np.float32(255 / span)
    shades: Picture = np.clip(scaled, 0, 255).astype(np.uint8)
    return shades


def _grey(shades: Picture, dataset: Dataset) -> Picture:
    return np.repeat((255 - shades if is_inverted(dataset) else shades)[..., np.newaxis], 3, axis=2)
