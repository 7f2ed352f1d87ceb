"""Show a site's officer what could not be judged by a program."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]  # (rows, columns, 3), red, green, blue

_LONGEST_SIDE: Final = 1600  # pixels: as much as fits on a screen
_RED: Final = (0, 0, 255)  # OpenCV's order: blue, green, red


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """An upright rectangle of pixels: its first row and column, and those after its last."""

    top: int
    left: int
    bottom: int
    right: int

    def moved(self, down: int, right: int) -> Box:
        """The box of a part of a picture, as one of the picture's."""
        return Box(self.top + down, self.left + right, self.bottom + down, self.right + right)


def merged(boxes: Iterable[Box]) -> set[Box]:
    """Boxes without their doubles: two become one around both where they share half of the smaller."""
    kept: list[Box] = []
    for box in sorted(boxes):
        while twin := next((other for other in kept if _are_twins(box, other)), None):
            kept.remove(twin)
            box = Box(
                min(box.top, twin.top),
                min(box.left, twin.left),
                max(box.bottom, twin.bottom),
                max(box.right, twin.right),
            )
        kept.append(box)
    return set(kept)


def _are_twins(one: Box, other: Box) -> bool:
    rows = min(one.bottom, other.bottom) - max(one.top, other.top)
    columns = min(one.right, other.right) - max(one.left, other.left)
    return rows > 0 < columns and 2 * rows * columns >= min(_area(one), _area(other))


def _area(box: Box) -> int:
    return (box.bottom - box.top) * (box.right - box.left)


class Doubtful(Exception):
    """A person must look before this image may pass.

    `reason` is words without a value. `picture`, a PNG with the text found framed in red, shows the patient's
    values: it is for the site's eyes alone; None where the pixels cannot be decoded.
    """

    def __init__(self, reason: str, picture: bytes | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.picture = picture


def drawn(picture: Picture, boxes: Iterable[Box]) -> bytes:
    """A picture as PNG, with frames around the boxes."""
    import cv2

    canvas = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    for box in boxes:
        cv2.rectangle(canvas, (box.left, box.top), (box.right - 1, box.bottom - 1), _RED, 1)
    scale = _LONGEST_SIDE / max(canvas.shape[:2])
    if scale < 1:
        canvas = cv2.resize(canvas, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".png", canvas)[1])
