"""Blank the text burned into an image's pixels, and read them again to be sure."""

from __future__ import annotations

from itertools import cycle, islice
from typing import Final

from pydicom import Dataset

from federim_pipelines.deidentify.pixels.compressed import blank_compressed
from federim_pipelines.deidentify.pixels.native import blank_native
from federim_pipelines.deidentify.pixels.pictures import Doubtful, drawn
from federim_pipelines.deidentify.pixels.projection import BurnedText, burned_text
from federim_pipelines.deidentify.pixels.rendering import Undecodable, pictures_of, samples_of

ZOOMS: Final = (1.0, 0.7)  # in turns: a second reading at the first one's zoom would miss the same
PASSES: Final = 6  # readings after which text that still shows is a person's matter


def clean_pixels(clean: Dataset) -> int:
    """Blank the text in the pixels of a dataset with file meta, in place; how many boxes were blanked.

    In native transfer syntaxes only the bytes in the boxes change. In compressed ones the frames concerned
    are compressed anew without loss where their syntax has an encoder; from the others, lossy JPEG for one,
    the image becomes Explicit VR Little Endian. Where no text is found the pixels stay as they are. Either
    way BurnedInAnnotation becomes NO. Where some is found, the image is read again until no zoom shows any
    more. Boxes are as dark as their frame's darkest pixel.

    Raises
    ------
    Doubtful
        The pixels cannot be decoded, or are no picture; they hold a page of text; or text still shows after
        `PASSES` readings.

    References
    ----------
    DICOM PS3.15, E.3.1 (Clean Pixel Data Option).
    """
    blanked = quiet = 0
    try:
        for zoom in islice(cycle(ZOOMS), PASSES):
            found = burned_text(clean, zoom=zoom)
            if found:
                _blank(clean, found)
                blanked, quiet, last = blanked + len(found), 0, found
                continue
            quiet += 1
            if not blanked or quiet == len(ZOOMS):
                clean.BurnedInAnnotation = "NO"
                return blanked
        frame = min(last.of_frames, default=0)
        shown = next(samples_of(clean, [frame]))
    except Undecodable as undecodable:
        raise Doubtful(str(undecodable)) from None
    raise Doubtful(
        "PixelData (7FE0,0010): text still shows after it was blanked",
        drawn(pictures_of(shown, clean)[0], last.boxes(frame)),
    )


def _blank(clean: Dataset, text: BurnedText) -> None:
    if clean.file_meta.TransferSyntaxUID.is_compressed:
        blank_compressed(clean, text)
    else:
        blank_native(clean, text)
