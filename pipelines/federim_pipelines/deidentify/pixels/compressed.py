"""Blank boxes in compressed pixel data, losing nothing of what is around them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydicom import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from federim_pipelines.deidentify.pixels.rendering import Undecodable, darkest, number_of_frames

if TYPE_CHECKING:
    from federim_pipelines.deidentify.pixels.projection import BurnedText
    from federim_pipelines.deidentify.pixels.rendering import Samples

# What an image is compressed to: frames without text keep their bytes where the syntax stays the same.
_LOSSLESS: Final = {
    RLELossless: RLELossless,
    JPEGLSLossless: JPEGLSLossless,
    JPEGLSNearLossless: JPEGLSLossless,
    JPEG2000Lossless: JPEG2000Lossless,
    JPEG2000: JPEG2000Lossless,
}
_LOSSY: Final = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit})


class _NotTheSame(Exception):
    """An encoder refuses the image, or gives back another."""


def blank_compressed(dataset: Dataset, text: BurnedText) -> None:
    """Blank the boxes of text in compressed pixel data, in place, one frame at a time.

    Every frame compressed anew is decompressed and compared; where it differs, and where no encoder writes
    the transfer syntax, the image becomes Explicit VR Little Endian, its colours red, green and blue.

    Raises
    ------
    Undecodable
        A frame cannot be decoded.

    References
    ----------
    DICOM PS3.5, 8.2 and A.4.
    """
    target = _LOSSLESS.get(dataset.file_meta.TransferSyntaxUID)
    try:
        if target is None:
            raise _NotTheSame
        _recompress(dataset, text, target)
    except _NotTheSame:
        _decompress(dataset, text)
    for offsets in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if offsets in dataset:
            del dataset[offsets]


def _recompress(dataset: Dataset, text: BurnedText, target: UID) -> None:
    syntax = dataset.file_meta.TransferSyntaxUID
    count = number_of_frames(dataset)
    # A reversible transform in the place of the irreversible one (PS3.5, 8.2.4).
    interpretation = dataset.PhotometricInterpretation.replace("YBR_ICT", "YBR_RCT")
    as_they_were = generate_frames(
        dataset.PixelData, number_of_frames=count, extended_offsets=_offsets(dataset)
    )
    frames = [
        before
        if syntax == target and not text.boxes(index)
        else _encoded(_blanked(dataset, text, index, raw=True)[0], dataset, target, interpretation)
        for index, before in zip(range(count), as_they_were, strict=False)
    ]
    dataset.file_meta.TransferSyntaxUID = target
    dataset.PhotometricInterpretation = interpretation
    if "PlanarConfiguration" in dataset:
        dataset.PlanarConfiguration = 0
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def _decompress(dataset: Dataset, text: BurnedText) -> None:
    content = BytesIO()
    for index in range(number_of_frames(dataset)):
        frame, properties = _blanked(dataset, text, index, raw=False)
        content.write(frame.astype(frame.dtype.newbyteorder("<"), copy=False).tobytes())
    if dataset.file_meta.TransferSyntaxUID in _LOSSY:
        dataset.LossyImageCompression = "01"
    if frame.ndim == 3:
        dataset.PhotometricInterpretation = properties["photometric_interpretation"]
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = 8 * frame.dtype.itemsize
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    content.write(b"\0" * (content.tell() % 2))
    dataset.PixelData = content.getvalue()
    dataset["PixelData"].VR = "OB" if frame.dtype.itemsize == 1 else "OW"
    dataset["PixelData"].is_undefined_length = False


def _blanked(dataset: Dataset, text: BurnedText, index: int, *, raw: bool) -> tuple[Samples, dict[str, Any]]:
    """A frame, decoded and without its text, and the properties the decoder gives it."""
    try:
        decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
        decoded, properties = decoder.as_array(dataset, index=index, raw=raw)
    except Exception as error:  # every decoder has its own
        raise Undecodable(f"PixelData (7FE0,0010): {type(error).__name__}") from None
    frame = decoded.copy()
    dark = darkest(frame, dataset, str(properties["photometric_interpretation"]))
    for box in text.boxes(index):
        frame[box.top : box.bottom, box.left : box.right] = dark
    return frame, properties


def _encoded(frame: Samples, dataset: Dataset, target: UID, interpretation: str) -> bytes:
    """A frame compressed, checked to be the same when it is decompressed."""
    options: dict[str, Any] = {
        "rows": frame.shape[0],
        "columns": frame.shape[1],
        "samples_per_pixel": 1 if frame.ndim == 2 else frame.shape[2],
        "number_of_frames": 1,
        "bits_allocated": 8 * frame.dtype.itemsize,
        "bits_stored": int(dataset.BitsStored),
        "pixel_representation": int(dataset.PixelRepresentation),
        "photometric_interpretation": interpretation,
        "planar_configuration": 0,
    }
    try:
        encoded = get_encoder(target).encode(frame, **options)
        again, _ = get_decoder(target).as_array(encapsulate([encoded]), raw=True, **options)
    except Exception:  # every encoder has its own
        raise _NotTheSame from None
    if not np.array_equal(again, frame):
        raise _NotTheSame
    return encoded


def _offsets(dataset: Dataset) -> tuple[bytes, bytes] | None:
    if "ExtendedOffsetTable" not in dataset:
        return None
    return dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
