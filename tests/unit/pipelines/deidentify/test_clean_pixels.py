"""Text drawn into made images of every kind is gone after cleaning, and nothing else has changed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from copy import deepcopy

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import convert_color_space, get_encoder, pixel_array
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
)

from federim_pipelines.deidentify.pixels import projection
from federim_pipelines.deidentify.pixels.blanking import clean_pixels
from federim_pipelines.deidentify.pixels.native import blank_native
from federim_pipelines.deidentify.pixels.ocr import text_boxes
from federim_pipelines.deidentify.pixels.pictures import Box, Doubtful
from federim_pipelines.deidentify.pixels.projection import BurnedText
from federim_pipelines.deidentify.pixels.rendering import pictures_of, samples_of

ROWS, COLUMNS = 144, 192
NAME, PLACE = "MARTIN^CAMILLE", (6, 16)
DATE, DATE_PLACE = "12/03/1971", (110, 138)
NEAR = 41  # pixels: twice as far as a box may reach around a drawn line


def _tissue(frame: int = 0) -> NDArray[np.uint8]:
    """A grey sector of speckle that moves from frame to frame, on black."""
    random = np.random.default_rng(frame)
    speckle = cv2.GaussianBlur(random.integers(0, 160, (ROWS, COLUMNS)).astype(np.uint8), (11, 11), 0)
    sector = np.zeros((ROWS, COLUMNS), np.uint8)
    cv2.ellipse(sector, (COLUMNS // 2, 30), (90, 90), 0, 30, 150, 1, -1)
    return speckle * sector


def _write(picture: NDArray[np.uint8], text: str, left: int, bottom: int, shade: int = 255) -> None:
    cv2.putText(picture, text, (left, bottom), cv2.FONT_HERSHEY_SIMPLEX, 0.4, shade, 1, cv2.LINE_AA)


def _screen(frame: int = 0) -> NDArray[np.uint8]:
    picture = _tissue(frame)
    _write(picture, NAME, *PLACE)
    _write(picture, DATE, *DATE_PLACE)
    return picture


def _colours(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A grey picture, tinted so that no channel is another's."""
    return np.stack([picture, picture // 2 + picture // 4, picture // 3 * 2], axis=-1).astype(np.uint8)


def _dataset(
    frames: list[NDArray[np.uint8]], interpretation: str, *, bits: int = 8, signed: bool = False
) -> Dataset:
    """An ultrasound loop, native and little endian, of 8-bit grey pictures."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = UltrasoundMultiFrameImageStorage
    dataset.Modality = "US"
    dataset.Rows, dataset.Columns = frames[0].shape
    dataset.NumberOfFrames = len(frames)
    dataset.PhotometricInterpretation = interpretation
    dataset.BitsStored = bits
    dataset.BitsAllocated = 8 if bits == 8 else 16
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = int(signed)
    dataset.SamplesPerPixel = 3 if interpretation.startswith(("RGB", "YBR")) else 1
    if dataset.SamplesPerPixel == 3:
        dataset.PlanarConfiguration = 0
    samples = np.stack(frames)
    if interpretation.startswith(("RGB", "YBR")):
        samples = np.stack([_colours(frame) for frame in frames])
        if interpretation.startswith("YBR"):
            samples = convert_color_space(samples, "RGB", "YBR_FULL", per_frame=True)
        if interpretation == "YBR_FULL_422":
            samples = _subsampled(samples)
    elif interpretation == "MONOCHROME1":
        samples = 255 - samples
    elif interpretation == "PALETTE COLOR":
        ramp = np.arange(256, dtype=np.uint16)[::-1] << 8  # index 255 is black
        samples = 255 - samples
        for colour in ("Red", "Green", "Blue"):
            setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
            setattr(dataset, f"{colour}PaletteColorLookupTableData", ramp.tobytes())
    if bits > 8:
        samples = samples.astype(np.int32) * (2 ** (bits - 8)) - (2 ** (bits - 1) if signed else 0)
        samples = samples.astype(np.int16 if signed else np.uint16)
    content = samples.tobytes()
    dataset.PixelData = content
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
    return dataset


def _subsampled(samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Y Cb Cr of every pixel as Y Y Cb Cr of every two."""
    even, odd = samples[:, :, 0::2], samples[:, :, 1::2]
    return np.stack([even[..., 0], odd[..., 0], even[..., 1], even[..., 2]], axis=-1)


def _compressed(dataset: Dataset, syntax: UID, interpretation: str | None = None) -> Dataset:
    """The dataset compressed without loss, frame by frame."""
    decoded = pixel_array(dataset, raw=True)
    frames = [decoded] if dataset.NumberOfFrames == 1 else list(decoded)
    dataset.PhotometricInterpretation = interpretation or dataset.PhotometricInterpretation
    options = {
        "rows": ROWS,
        "columns": COLUMNS,
        "number_of_frames": 1,
        "samples_per_pixel": dataset.SamplesPerPixel,
        "planar_configuration": 0,
        "bits_allocated": dataset.BitsAllocated,
        "bits_stored": dataset.BitsStored,
        "pixel_representation": dataset.PixelRepresentation,
        "photometric_interpretation": dataset.PhotometricInterpretation,
    }
    return _encapsulated(dataset, syntax, [get_encoder(syntax).encode(frame, **options) for frame in frames])


def _encapsulated(dataset: Dataset, syntax: UID, frames: list[bytes]) -> Dataset:
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def _jpeg(colour: bool) -> Dataset:
    dataset = _dataset([_screen(0), _screen(1)], "YBR_FULL_422" if colour else "MONOCHROME2")
    encoded = []
    for frame in (_screen(0), _screen(1)):
        stream = io.BytesIO()
        Image.fromarray(_colours(frame) if colour else frame).save(stream, "JPEG", quality=90)
        encoded.append(stream.getvalue())
    return _encapsulated(dataset, JPEGBaseline8Bit, encoded)


def _planar(dataset: Dataset) -> Dataset:
    samples = np.frombuffer(dataset.PixelData, np.uint8).reshape(-1, ROWS, COLUMNS, 3)
    dataset.PlanarConfiguration = 1
    dataset.PixelData = np.moveaxis(samples, -1, 1).tobytes()
    return dataset


def _big_endian(dataset: Dataset) -> Dataset:
    """The dataset in the retired big endian syntax, samples of 8 bits in words too."""
    dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    dataset["PixelData"].VR = "OW"
    for colour in ("Red", "Green", "Blue"):
        table = f"{colour}PaletteColorLookupTableData"
        if table in dataset:
            setattr(dataset, table, np.frombuffer(dataset[table].value, "<u2").astype(">u2").tobytes())
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    return dataset


def _kinds() -> Iterator[tuple[str, Dataset]]:
    one, two = [_screen(0)], [_screen(0), _screen(1)]
    yield "grey", _dataset(one, "MONOCHROME2")
    yield "grey, 12 bits", _dataset(two, "MONOCHROME2", bits=12)
    yield "grey, 16 bits signed", _dataset(one, "MONOCHROME2", bits=16, signed=True)
    yield "inverted", _dataset(one, "MONOCHROME1")
    yield "inverted, 12 bits", _dataset(one, "MONOCHROME1", bits=12)
    yield "colours", _dataset(two, "RGB")
    yield "colours by plane", _planar(_dataset(two, "RGB"))
    yield "YBR", _dataset(one, "YBR_FULL")
    yield "YBR 422", _dataset(two, "YBR_FULL_422")
    yield "palette", _dataset(one, "PALETTE COLOR")
    yield "big endian grey", _big_endian(_dataset(one, "MONOCHROME2", bits=12))
    yield "big endian palette in words", _big_endian(_dataset(two, "PALETTE COLOR"))
    yield "RLE grey", _compressed(_dataset(one, "MONOCHROME2", bits=12), RLELossless)
    yield "RLE colours", _compressed(_dataset(two, "RGB"), RLELossless)
    yield "RLE palette", _compressed(_dataset(one, "PALETTE COLOR"), RLELossless)
    yield "JPEG-LS grey", _compressed(_dataset(two, "MONOCHROME2", bits=12), JPEGLSLossless)
    yield "JPEG-LS colours", _compressed(_dataset(one, "RGB"), JPEGLSLossless)
    yield "JPEG 2000 grey", _compressed(_dataset(one, "MONOCHROME1", bits=12), JPEG2000Lossless)
    yield "JPEG 2000 colours", _compressed(_dataset(two, "RGB"), JPEG2000Lossless, "YBR_RCT")


KINDS = dict(_kinds())
NATIVE = [kind for kind, made in KINDS.items() if not made.file_meta.TransferSyntaxUID.is_compressed]


def _decoded(dataset: Dataset) -> NDArray[np.generic]:
    """All frames as any reader sees them, colours as red, green and blue."""
    return np.stack(list(samples_of(dataset)))


def _changed(before: NDArray[np.generic], after: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Where any frame has changed, shape (rows, columns)."""
    assert before.shape == after.shape
    differs = before != after
    return differs.any(axis=0) if differs.ndim == 3 else differs.any(axis=(0, 3))


def _near_the_lines() -> NDArray[np.bool_]:
    drawn = np.zeros((ROWS, COLUMNS), np.uint8)
    _write(drawn, NAME, *PLACE)
    _write(drawn, DATE, *DATE_PLACE)
    return cv2.dilate(drawn, np.ones((NEAR, NEAR), np.uint8)) > 0


def _still_shows(dataset: Dataset) -> bool:
    """Whether a reader sees text in any single frame where there was some."""
    near = _near_the_lines()
    return any(
        near[box.top : box.bottom, box.left : box.right].any()
        for frame in samples_of(dataset)
        for picture in pictures_of(frame, dataset)
        for box in text_boxes(picture)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_text_is_gone_and_nothing_else_has_changed(kind: str) -> None:
    dataset = deepcopy(KINDS[kind])
    described = {element.tag: element.value for element in dataset if element.keyword != "PixelData"}
    before = _decoded(dataset)
    assert clean_pixels(dataset) >= 2
    changed = _changed(before, _decoded(dataset))
    assert changed.any()
    assert not (changed & ~_near_the_lines()).any()
    assert not _still_shows(dataset)
    assert all(picture[changed].max() <= 1 for picture in pictures_of(next(samples_of(dataset)), dataset))
    assert dataset.BurnedInAnnotation == "NO"
    assert dataset.file_meta.TransferSyntaxUID == KINDS[kind].file_meta.TransferSyntaxUID
    assert {tag: dataset[tag].value for tag in described} == described


@pytest.mark.parametrize("kind", NATIVE)
def test_exactly_the_box_is_blanked_in_a_native_image(kind: str) -> None:
    dataset = deepcopy(KINDS[kind])
    before, content = _decoded(dataset), dataset.PixelData
    frames = range(dataset.NumberOfFrames)
    blank_native(dataset, BurnedText({frame: {Box(60, 81, 71, 111)} for frame in frames}))
    differs = (before != _decoded(dataset)).reshape(*before.shape[:3], -1).any(axis=-1)
    found, rows, columns = np.nonzero(differs)
    assert set(found) == set(frames)
    assert (rows.min(), rows.max()) == (60, 70)
    # Two pixels may share their colour: the box then ends where they do.
    assert (columns.min(), columns.max()) == ((80, 111) if kind == "YBR 422" else (81, 110))
    assert len(dataset.PixelData) == len(content)


@pytest.mark.parametrize("colour", [False, True])
def test_lossy_jpeg_becomes_native_as_it_was_decoded(colour: bool) -> None:
    dataset = _jpeg(colour=colour)
    before = _decoded(dataset)
    clean_pixels(dataset)
    after = _decoded(dataset)
    assert not (_changed(before, after) & ~_near_the_lines()).any()
    assert not _still_shows(dataset)
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert dataset.PhotometricInterpretation == ("RGB" if colour else "MONOCHROME2")
    assert dataset.get("PlanarConfiguration", 0) == 0
    assert dataset.LossyImageCompression == "01"
    assert len(dataset.PixelData) == before.nbytes


def test_text_that_moves_is_blanked_in_its_own_frames_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "FRAMES_PER_PROJECTION", 4)
    frames = [_tissue(number) // 2 + 40 for number in range(7)]
    _write(frames[-2], NAME, *PLACE)
    _write(frames[-1], DATE, *DATE_PLACE)
    dataset = _compressed(_dataset(frames, "MONOCHROME2"), JPEGLSLossless)
    # Another encoder's frames: no two write the same bytes.
    padded = [frame + bytes(2) for frame in generate_frames(dataset.PixelData, number_of_frames=len(frames))]
    dataset = _encapsulated(dataset, JPEGLSLossless, padded)
    before = list(generate_frames(dataset.PixelData, number_of_frames=len(frames)))
    clean_pixels(dataset)
    after = list(generate_frames(dataset.PixelData, number_of_frames=len(frames)))
    changed = [old != new for old, new in zip(before, after, strict=True)]
    assert changed == [False] * 5 + [True, True]
    assert not _still_shows(dataset)


def test_an_image_without_text_is_left_as_it_is() -> None:
    dataset = _compressed(_dataset([_tissue()], "MONOCHROME2"), RLELossless)
    before = dataset.PixelData
    assert clean_pixels(dataset) == 0
    assert dataset.PixelData == before
    assert dataset.BurnedInAnnotation == "NO"


def test_a_page_of_text_is_doubtful_and_shown_to_the_site() -> None:
    page = np.full((400, 400), 255, np.uint8)
    for line in range(16):
        _write(page, "compte rendu du patient numero 7", 10, 20 + 24 * line, shade=0)
    dataset = _dataset([page], "MONOCHROME2")
    before = dataset.PixelData
    with pytest.raises(Doubtful, match="page") as doubt:
        clean_pixels(dataset)
    assert doubt.value.picture is not None
    shown = np.asarray(Image.open(io.BytesIO(doubt.value.picture)).convert("RGB"))
    assert shown.shape == (400, 400, 3)
    assert ((shown == (255, 0, 0)).all(axis=-1)).sum() > 1000
    assert dataset.PixelData == before
    assert "BurnedInAnnotation" not in dataset


def _bits() -> Dataset:
    dataset = _dataset([_screen()], "MONOCHROME2")
    dataset.BitsAllocated = dataset.BitsStored = 1
    return dataset


def _damaged() -> Dataset:
    return _encapsulated(deepcopy(KINDS["JPEG-LS colours"]), JPEGLSLossless, [bytes(64)])


def _unknown_colours() -> Dataset:
    dataset = _dataset([_screen()], "RGB")
    dataset.PhotometricInterpretation = "CMYK"
    return dataset


def _no_number() -> Dataset:
    dataset = _dataset([_screen()], "MONOCHROME2")
    dataset.pop("NumberOfFrames")
    dataset.add_new("NumberOfFrames", "LO", "several")
    return dataset


@pytest.mark.parametrize("make", [_bits, _damaged, _unknown_colours, _no_number])
@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, of what is made wrong here
def test_what_cannot_be_decoded_is_doubtful_without_a_picture(make: Callable[[], Dataset]) -> None:
    with pytest.raises(Doubtful) as doubt:
        clean_pixels(make())
    assert doubt.value.picture is None
    assert NAME not in doubt.value.reason
