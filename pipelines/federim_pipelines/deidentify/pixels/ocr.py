"""Find text in a picture with the models that come in RapidOCR's wheel; nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from federim_pipelines.deidentify.pixels.pictures import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from federim_pipelines.deidentify.pixels.pictures import Picture

    Corners = NDArray[np.float32]  # (4, 2): column and row of each corner, around a box that may be turned

_DETECTOR: Final = "PP-OCRv6_det_small.onnx"
_RECOGNIZER: Final = "PP-OCRv6_rec_small.onnx"

# Under this the detector's features are as wide as letters, and a small picture's letters are small.
_SHORTEST_SIDE: Final = 736
_MOST_ENLARGED: Final = 4.0
# A tile's features take some hundred megabytes. Neighbours share more than the height of a line of small
# text; what is larger is seen in the overview.
_TILE: Final = 1280
_SHARED: Final = 128

# Measured on images with text and without. The detector takes skulls, vessels and colour bars for letters, so
# what it finds must look like a line, or be read. One letter names nobody, and is seen in anything round, as
# is a row of noughts; what fills a good part of an image, or is hardly seen, has to be read well.
_CANDIDATE, _LIKELY, _SURE = 0.3, 0.5, 0.75  # the detector's scores
_LINE: Final = 3.0  # times as long as it is high
_LARGE: Final = 0.05  # of a picture's area
# How many letters that differ, and the recognizer's score of them.
_READ: Final = ((2, 0.5),)
_READ_LINE: Final = ((2, 0.25),)
_READ_UNLIKELY: Final = ((2, 0.9), (3, 0.7))
_READ_LARGE: Final = ((3, 0.8),)

_MARGIN: Final = 2  # pixels that a letter's soft edge may reach beyond its box
_OVERRUN: Final = 0.5  # of a line's height: a first or last letter that the box has cut


def text_boxes(picture: Picture, *, zoom: float = 1.0) -> list[Box]:
    """Where there is text in a picture, whatever it says, in the picture's pixels, with a margin.

    Light on dark or dark on light, upright or not. A picture larger than a tile is read in tiles at its own
    scale, and once as a whole for its large letters. What is missed at one zoom may be seen at another.
    """
    rows, columns = picture.shape[:2]
    scale = zoom * min(_SHORTEST_SIDE / min(rows, columns), _MOST_ENLARGED)
    if scale >= zoom and max(rows, columns) * scale <= 2 * _TILE:
        return sorted(set(_boxes(picture, scale)))
    found = set(_boxes(picture, zoom * min(_TILE / max(rows, columns), 1.0)))
    if max(rows, columns) > _TILE:
        for top in _starts(rows):
            for left in _starts(columns):
                tile = picture[top : top + _TILE, left : left + _TILE]
                found.update(box.moved(top, left) for box in _boxes(tile, zoom))
    return sorted(found)


def _starts(length: int) -> Iterator[int]:
    """Where tiles that cover a length begin."""
    step = _TILE - _SHARED
    return iter(range(0, max(length - _SHARED, 1), step))


def _boxes(picture: Picture, scale: float) -> Iterator[Box]:
    """The boxes of text in a picture read at another scale."""
    import cv2

    rows, columns = picture.shape[:2]
    seen: Any = np.ascontiguousarray(picture[..., ::-1])  # the models were trained on blue, green, red
    if scale != 1:
        size = (max(round(columns * scale), 32), max(round(rows * scale), 32))
        seen = cv2.resize(seen, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
    found = _engine()(seen, use_det=True, use_cls=False, use_rec=False)
    if found.boxes is None:
        return
    back = np.array([columns / seen.shape[1], rows / seen.shape[0]])
    for corners, score in zip(found.boxes, found.scores, strict=True):
        if _is_text(seen, corners, score):
            yield _upright(corners * back, rows, columns)


def _is_text(seen: Picture, corners: Corners, score: float) -> bool:
    from rapidocr.utils.process_img import get_rotate_crop_image

    width, height = _sides(corners)
    large = width * height > _LARGE * seen.shape[0] * seen.shape[1]
    line = max(width, height) >= _LINE * min(width, height)
    if line and score >= _SURE and not large:
        return True
    read = _engine()(get_rotate_crop_image(seen, corners.copy()), use_det=False, use_cls=False, use_rec=True)
    if not read.txts:
        return False
    if large:
        readable: tuple[tuple[int, float], ...] = _READ_LARGE
    elif score < _LIKELY:
        readable = _READ_UNLIKELY
    else:
        readable = _READ_LINE if line else _READ
    letters = len({char for char in read.txts[0] if char.isalnum()})
    return any(letters >= least and read.scores[0] >= needed for least, needed in readable)


def _upright(corners: NDArray[np.float64], rows: int, columns: int) -> Box:
    """The upright box around one that may be turned, made longer and a little wider."""
    width, height = _sides(corners)
    across, along = (_MARGIN, _MARGIN + _OVERRUN * min(width, height))
    beyond = np.array((along, across) if np.ptp(corners[:, 0]) >= np.ptp(corners[:, 1]) else (across, along))
    left, top = np.floor(corners.min(axis=0) - beyond).clip(0).astype(int)
    right, bottom = np.ceil(corners.max(axis=0) + beyond + 1).clip(None, (columns, rows)).astype(int)
    return Box(int(top), int(left), int(bottom), int(right))


def _sides(corners: NDArray[Any]) -> tuple[float, float]:
    return float(np.linalg.norm(corners[1] - corners[0])), float(np.linalg.norm(corners[2] - corners[1]))


@cache
def _engine() -> Any:
    """The models, on one thread: each of a run's workers has its own."""
    import cv2
    import rapidocr

    cv2.setNumThreads(1)
    models = Path(rapidocr.__file__).parent / "models"
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": 2 * _TILE,
            # Named, a model that is missing is an error and not a download.
            "Det.model_path": str(models / _DETECTOR),
            "Rec.model_path": str(models / _RECOGNIZER),
            "Det.limit_side_len": 32,
            "Det.box_thresh": _CANDIDATE,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
