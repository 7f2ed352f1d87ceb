"""Make an instance with the pixels of its site's defaced version, and everything else its own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.utils import pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from federim_pipelines.deidentify.codes import code_meaning
from federim_pipelines.deidentify.multiplicity import values_of

CLEANED_FACES: Final = "113102"  # CID 7050: Clean Recognizable Visual Features Option

# What says where the pixels lie and what their numbers mean. UIDs and words are equal or not; numbers may be
# written with fewer digits.
_SAME_WORDS: Final = ("SOPClassUID", "FrameOfReferenceUID", "PhotometricInterpretation")
_SAME_NUMBERS: Final = (
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient"),
    *("RescaleSlope", "RescaleIntercept"),
)
_MACROS: Final = (
    *("PixelMeasuresSequence", "PlaneOrientationSequence", "PlanePositionSequence"),
    "PixelValueTransformationSequence",
)
_TOLERANCE: Final = 1e-4  # mm, direction cosines, units of the rescaled value

_UNLIKE: Final = "differs from the lake's"


class Unlike(Exception):
    """A file is not a defaced version of the instance; the text says in which attribute."""


def with_pixels_of(own: Dataset, defaced: Dataset) -> tuple[bytes, bool]:
    """The instance `own` as a file with the pixels of `defaced`, and whether any pixel is another.

    Nothing else of `defaced` enters. The result is uncompressed, says that no visual feature is recognisable,
    and that this is so because it was cleaned; it keeps its SOPInstanceUID, so that references to it hold. An
    icon goes: it is a picture of the pixels before.

    Raises
    ------
    Unlike
        `defaced` has another geometry, another kind of pixel, or pixels that cannot be decoded.

    References
    ----------
    DICOM PS3.15, E.3.2; PS3.3, C.7.6.2 and C.7.6.16.2.
    """
    _check_alike(own, defaced)
    before, after = _pixels(own, "the lake's own pixels"), _pixels(defaced, "PixelData")
    if before.shape != after.shape or before.dtype != after.dtype:
        raise Unlike(f"PixelData: its shape or type {_UNLIKE}")
    _put_pixels(own, after)
    own.RecognizableVisualFeatures = "NO"
    _say_cleaned(own)
    own.pop("IconImageSequence", None)
    written = BytesIO()
    own.save_as(written, enforce_file_format=True)
    return written.getvalue(), not np.array_equal(before, after)


def _check_alike(own: Dataset, defaced: Dataset) -> None:
    if own.get("SamplesPerPixel") != 1:
        raise Unlike("SamplesPerPixel: only grey images are replaced")
    for keyword in _SAME_WORDS:
        if str(own.get(keyword) or "") != str(defaced.get(keyword) or ""):
            raise Unlike(f"{keyword}: {_UNLIKE}")
    for place, mine, theirs in _pairs(own, defaced):
        for keyword in _SAME_NUMBERS:
            if not _close(mine.get(keyword), theirs.get(keyword)):
                raise Unlike(f"{keyword}{place}: {_UNLIKE}")


def _pairs(own: Dataset, defaced: Dataset) -> Iterator[tuple[str, Dataset, Dataset]]:
    """The two datasets, then each of their functional groups' items that places or scales pixels."""
    yield "", own, defaced
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for number, (mine, theirs) in enumerate(_together(keyword, own, defaced), start=1):
            for macro in _MACROS:
                for my_item, their_item in _together(macro, mine, theirs):
                    yield f" of {macro}, {keyword} item {number}", my_item, their_item


def _together(keyword: str, mine: Dataset, theirs: Dataset) -> Iterator[tuple[Dataset, Dataset]]:
    my_items, their_items = values_of(mine.get(keyword)), values_of(theirs.get(keyword))
    if len(my_items) != len(their_items):
        raise Unlike(f"{keyword}: its number of items {_UNLIKE}")
    return zip(my_items, their_items, strict=True)


def _close(mine: Any, theirs: Any) -> bool:
    try:
        my_numbers, their_numbers = ([float(part) for part in values_of(value)] for value in (mine, theirs))
    except (TypeError, ValueError):
        return False
    return len(my_numbers) == len(their_numbers) and all(
        math.isclose(mine, theirs, abs_tol=_TOLERANCE)
        for mine, theirs in zip(my_numbers, their_numbers, strict=True)
    )


def _pixels(dataset: Dataset, what: str) -> NDArray[Any]:
    try:
        pixels: NDArray[Any] = pixel_array(dataset, raw=True)
    except Exception as error:  # decoders raise many kinds
        raise Unlike(f"{what} cannot be decoded ({type(error).__name__})") from None
    return pixels


def _put_pixels(own: Dataset, pixels: NDArray[Any]) -> None:
    content = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    own.PixelData = content + b"\0" * (len(content) % 2)
    own["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    own["PixelData"].is_undefined_length = False
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        own.pop(keyword, None)
    if own.file_meta.TransferSyntaxUID not in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
        own.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


def _say_cleaned(own: Dataset) -> None:
    codes = list(own.get("DeidentificationMethodCodeSequence", ()))
    if all(code.get("CodeValue") != CLEANED_FACES for code in codes):
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator = CLEANED_FACES, "DCM"
        code.CodeMeaning = code_meaning("DCM", CLEANED_FACES) or CLEANED_FACES
        own.DeidentificationMethodCodeSequence = Sequence([*codes, code])
