"""Find the text burned into an image, reading few pictures for many frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np
from pydicom import Dataset

from federim_pipelines.deidentify.ocr import text_boxes
from federim_pipelines.deidentify.pictures import Box, Doubtful, drawn, merged
from federim_pipelines.deidentify.rendering import number_of_frames, pictures_of, samples_of

if TYPE_CHECKING:
    from federim_pipelines.deidentify.rendering import Samples

# Text that a few frames show may be hidden in a projection of all. With fewer frames to a projection more
# pictures are read; with more, moving text covers itself.
FRAMES_PER_PROJECTION: Final = 16

MOST_BOXES: Final = 150
LARGEST_SHARE: Final = 0.25  # of a picture's area


@dataclass(slots=True)
class BurnedText:
    """Boxes of text: those of every frame, and those of single frames, by index from 0."""

    everywhere: set[Box] = field(default_factory=set)
    of_frames: dict[int, set[Box]] = field(default_factory=dict)

    def boxes(self, frame: int) -> set[Box]:
        """What is to be blanked in a frame."""
        return self.everywhere | self.of_frames.get(frame, set())

    def __len__(self) -> int:
        return len(self.everywhere) + sum(map(len, self.of_frames.values()))


def burned_text(dataset: Dataset) -> BurnedText:
    """The text in an image's pixels, its frames read one at a time.

    A loop is first read as its lightest and its darkest projection, where text that stays stands out from
    what moves; if it is long, then in projections of a few frames each, without what was found; and where
    those show text, frame by frame.

    Raises
    ------
    Undecodable
        As `samples_of` does.
    Doubtful
        So much text that it is a page.
    """
    found = BurnedText()
    count = number_of_frames(dataset)
    whole = _extremes(samples_of(dataset))
    found.everywhere = _read(whole, dataset)
    _check(found.everywhere, whole, dataset)
    if count > FRAMES_PER_PROJECTION:
        frames = samples_of(dataset)
        for first in range(0, count, FRAMES_PER_PROJECTION):
            part = [_without(frame, found.everywhere) for frame in islice(frames, FRAMES_PER_PROJECTION)]
            _read_part(part, first, found, dataset)
    return found


def _read_part(part: list[Samples], first: int, found: BurnedText, dataset: Dataset) -> None:
    extremes = _extremes(iter(part))
    seen = _read(extremes, dataset)
    if not seen:
        return
    for index, frame in enumerate(part, first):
        boxes = _read((frame,), dataset)
        # What no single frame shows is blanked in all of them: it was seen.
        found.of_frames[index] = boxes or seen
        _check(found.boxes(index), (frame,), dataset)


def _extremes(frames: Iterator[Samples]) -> tuple[Samples, ...]:
    """The lightest and the darkest projection of frames; a single frame is its own."""
    lightest = next(frames).copy()
    darkest = None
    for frame in frames:
        darkest = np.minimum(lightest if darkest is None else darkest, frame)
        np.maximum(lightest, frame, out=lightest)
    return (lightest,) if darkest is None else (lightest, darkest)


def _read(projections: Iterable[Samples], dataset: Dataset) -> set[Box]:
    return merged(
        box
        for projection in projections
        for picture in pictures_of(projection, dataset)
        for box in text_boxes(picture)
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
