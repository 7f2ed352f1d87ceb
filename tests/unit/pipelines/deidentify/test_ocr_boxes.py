"""Text is found whatever its size, turn and shade; anatomy and patterns are not taken for it."""

from __future__ import annotations

import socket

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from federim_pipelines.deidentify.pixels import ocr
from federim_pipelines.deidentify.pixels.ocr import text_boxes
from federim_pipelines.deidentify.pixels.pictures import Box, merged

NAME = "DURAND^LUCIE"


def _picture(rows: int, columns: int, shade: int = 0) -> NDArray[np.uint8]:
    return np.full((rows, columns, 3), shade, np.uint8)


def _write(
    picture: NDArray[np.uint8], left: int, bottom: int, *, size: float = 0.6, shade: int = 255, thick: int = 1
) -> NDArray[np.bool_]:
    """Write the name; where its pixels are."""
    before = picture.copy()
    colour = (shade, shade, shade)
    cv2.putText(picture, NAME, (left, bottom), cv2.FONT_HERSHEY_SIMPLEX, size, colour, thick, cv2.LINE_AA)
    return (picture != before).any(axis=-1)


def _covered(written: NDArray[np.bool_], boxes: list[Box]) -> float:
    """How much of what was written is in the boxes."""
    inside = np.zeros_like(written)
    for box in boxes:
        inside[box.top : box.bottom, box.left : box.right] = True
    return float((written & inside).sum() / written.sum())


@pytest.mark.parametrize(
    ("ground", "shade"), [(0, 255), (255, 0), (90, 200), (160, 60)], ids=["light", "dark", "grey", "dim"]
)
def test_light_on_dark_and_dark_on_light(ground: int, shade: int) -> None:
    picture = _picture(200, 300, ground)
    written = _write(picture, 20, 60, shade=shade)
    assert _covered(written, text_boxes(picture)) == 1


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_text_that_does_not_stand_upright(turns: int) -> None:
    picture = _picture(240, 240)
    written = _write(picture, 30, 120)
    picture, written = (np.ascontiguousarray(np.rot90(each, turns)) for each in (picture, written))
    assert _covered(written, text_boxes(picture)) == 1


def test_small_and_large_text_of_a_picture_larger_than_a_tile() -> None:
    picture = _picture(500, 3000)
    small = _write(picture, 2850, 490, size=0.3)
    across = _write(picture, 1100, 20, size=0.3)  # over the seam of two tiles
    large = _write(picture, 60, 300, size=8, thick=16)
    boxes = text_boxes(picture)
    assert _covered(small, boxes) == 1
    assert _covered(across, boxes) == 1
    assert _covered(large, boxes) > 0.98
    assert all(0 <= box.top < box.bottom <= 500 and 0 <= box.left < box.right <= 3000 for box in boxes)


def test_no_text_in_colour_bars_rings_and_noise() -> None:
    bars = np.repeat(np.random.default_rng(0).integers(0, 255, (1, 8, 3), np.uint8), 16, axis=1)
    rings = _picture(256, 256)
    for radius in (30, 60, 100):
        cv2.circle(rings, (128, 128), radius, (200, 200, 200), 6)
    noise = np.random.default_rng(1).integers(0, 255, (200, 300, 3), np.uint8)
    for picture in (np.repeat(bars, 128, axis=0), rings, noise, _picture(1, 1), _picture(3, 400)):
        assert text_boxes(picture) == []


def test_the_models_are_loaded_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    ocr._engine.cache_clear()
    picture = _picture(100, 300)
    assert _covered(_write(picture, 20, 60), text_boxes(picture)) == 1


def test_boxes_seen_twice_are_one() -> None:
    assert merged([Box(0, 0, 10, 50), Box(1, 2, 11, 52)]) == {Box(0, 0, 11, 52)}
    assert merged([Box(0, 0, 10, 50), Box(2, 5, 8, 20)]) == {Box(0, 0, 10, 50)}
    apart = [Box(0, 0, 10, 50), Box(9, 0, 19, 50), Box(0, 60, 10, 90)]
    assert merged(apart) == set(apart)
