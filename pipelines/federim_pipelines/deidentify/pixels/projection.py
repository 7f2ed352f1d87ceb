"""Find the text burned into an image, reading few pictures for many frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np
from pydicom import Dataset

from federim_pipelines.deidentify.pixels.ocr import text_boxes
from federim_pipelines.deidentify.pixels.pictures import Box, Doubtful, drawn, merged
from federim_pipelines.deidentify.pixels.rendering import number_of_frames, pictures_of, samples_of

if TYPE_CHECKING:
    from federim_pipelines.deidentify.pixels.rendering import Samples

# Text that a few frames show may be hidden in a projection of all. With fewer frames to a projection more
# pictures are read; with more, moving text covers itself.
FRAMES_PER_PROJECTION: Final = 16

# The correlation of a frame with a projection, in a box, from which the frame has its text. One that is
# missed, for another text over its own, shows when the image is read again.
LIKE: Final = 0.3

MOST_BOXES: Final = 150
LARGEST_SHARE: Final = 0.25  # of a picture's area


@dataclass(frozen=True, slots=True)
class BurnedText:
    """Boxes of text, by the index of the frame they are in, from 0."""

    of_frames: Mapping[int, set[Box]]

    def boxes(self, frame: int) -> set[Box]:
        """What is to be blanked in a frame."""
        return self.of_frames.get(frame, set())

    def __len__(self) -> int:
        """How many places have text, in however many frames."""
        return len(set().union(*self.of_frames.values()))


def burned_text(dataset: Dataset, *, zoom: float = 1.0) -> BurnedText:
    """The text in an image's pixels, its frames read one at a time.

    A loop is first read as its lightest and its darkest projection, where text that stays stands out from
    what moves; the frames concerned are those that look like the projection there. If it is long, it is then
    read in projections of a few frames each, without what was found; and where those show text, frame by
    frame. `zoom` is `text_boxes`'s.

    Raises
    ------
    Undecodable
        As `samples_of` does.
    Doubtful
        So much text that it is a page.
    """
    count = number_of_frames(dataset)
    whole = _extremes(samples_of(dataset))
    boxes = _read(whole, dataset, zoom)
    _check(boxes, whole, dataset)
    if count == 1:
        return BurnedText({0: boxes} if boxes else {})
    found: dict[int, set[Box]] = {}
    frames = enumerate(samples_of(dataset)) if boxes or count > FRAMES_PER_PROJECTION else iter(())
    while part := list(islice(frames, FRAMES_PER_PROJECTION)):
        for index, frame in part:
            found[index] = {box for box in boxes if _shows(frame, box, whole)}
        if count > FRAMES_PER_PROJECTION:
            _read_part({index: _without(frame, found[index]) for index, frame in part}, found, dataset, zoom)
    return BurnedText({index: of_frame for index, of_frame in found.items() if of_frame})


def _read_part(part: dict[int, Samples], found: dict[int, set[Box]], dataset: Dataset, zoom: float) -> None:
    extremes = _extremes(iter(part.values()))
    seen = _read(extremes, dataset, zoom)
    if not seen:
        return
    for index, frame in part.items():
        # What no single frame shows is blanked in all of them: it was seen.
        found[index] |= _read((frame,), dataset, zoom) or seen
        _check(found[index], (frame,), dataset)


def _shows(frame: Samples, box: Box, projections: tuple[Samples, ...]) -> bool:
    """Whether a frame has in a box what a projection has: text outweighs whatever else is there."""
    seen, *projected = (
        image[box.top : box.bottom, box.left : box.right].reshape(-1).astype(np.float64)
        for image in (frame, *projections)
    )
    if np.ptp(seen) == 0:
        return False
    return any(np.ptp(whole) > 0 and np.corrcoef(seen, whole)[0, 1] > LIKE for whole in projected)


def _extremes(frames: Iterator[Samples]) -> tuple[Samples, ...]:
    """The lightest and the darkest projection of frames; a single frame is its own."""
    lightest = next(frames).copy()
    darkest = None
    for frame in frames:
        darkest = np.minimum(lightest if darkest is None else darkest, frame)
        np.maximum(lightest, frame, out=lightest)
    return (lightest,) if darkest is None else (lightest, darkest)


def _read(projections: Iterable[Samples], dataset: Dataset, zoom: float) -> set[Box]:
    return merged(
        box
        for projection in projections
        for picture in pictures_of(projection, dataset)
        for box in text_boxes(picture, zoom=zoom)
    )


def _without(frame: Samples, boxes: set[Box]) -> Samples:
    blank = frame.copy()
    for box in boxes:
        blank[box.top : box.bottom, box.left : box.right] = frame.min()
    return blank


def _check(boxes: set[Box], shown: tuple[Samples, ...], dataset: Dataset) -> None:
    """Refuse a page of text: blanked, it would be no image any more, and it may be missed in part."""
    covered = np.zeros(shown[0].shape[:2], bool)
    for box in boxes:
        covered[box.top : box.bottom, box.left : box.right] = True
    if len(boxes) > MOST_BOXES or covered.mean() > LARGEST_SHARE:
        picture = drawn(pictures_of(shown[0], dataset)[0], boxes)
        raise Doubtful("PixelData (7FE0,0010): as much text as on a page", picture)
