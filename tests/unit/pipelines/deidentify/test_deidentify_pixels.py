"""What stands in pixel data beside the image itself goes; the image stays, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless
from reference_path import deidentify

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.file_format import encode
from federim_pipelines.deidentify.policy.policy import Policy

MakeDataset = Callable[..., Dataset]

WORDS = b"Mme Queffelec, seen by Dr Kergoat"
J2K = get_testdata_file("MR_small_jp2klossless.dcm")
JPEG_LS = get_testdata_file("MR_small_jpeg_ls_lossless.dcm")


def _jpeg(**words: Any) -> bytes:
    noise = np.random.default_rng(7).integers(0, 255, (48, 64), dtype=np.uint8)
    sink = BytesIO()
    Image.fromarray(noise).save(sink, "JPEG", **words)
    return sink.getvalue()


def _comment(marker: int, head: bytes = b"") -> bytes:
    content = head + WORDS
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def _frame(path: Any) -> bytes:
    return next(iter(list(generate_fragments(pydicom.dcmread(path).PixelData))[1:]))


def _j2k() -> bytes:
    frame = _frame(J2K)
    after_siz = 4 + int.from_bytes(frame[4:6], "big")
    return frame[:after_siz] + _comment(0x64, b"\0\1") + frame[after_siz:]


def _jpeg_ls() -> bytes:
    frame = _frame(JPEG_LS)
    return frame[:2] + _comment(0xFE) + frame[2:]


def _even(frame: bytes) -> bytes:
    return frame + b"\0" * (len(frame) % 2)


def _compressed(make_dataset: MakeDataset, frames: list[bytes], syntax: str, **elements: Any) -> Dataset:
    dataset = make_dataset(NumberOfFrames=len(frames), **elements)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([_even(frame) for frame in frames], fragments_per_frame=2)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


SMALL = {
    "Rows": 48,
    "Columns": 64,
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
    "PixelRepresentation": 0,
}
MR = {
    "Rows": 64,
    "Columns": 64,
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 1,
}


@pytest.mark.parametrize(
    ("frame", "syntax", "shape"),
    [
        pytest.param(lambda: _jpeg(comment=WORDS), JPEGBaseline8Bit, SMALL, id="comment"),
        pytest.param(lambda: _jpeg(exif=b"Exif\0\0" + WORDS), JPEGBaseline8Bit, SMALL, id="Exif"),
        pytest.param(lambda: _jpeg() + WORDS, JPEGBaseline8Bit, SMALL, id="after the end"),
        pytest.param(_jpeg_ls, JPEGLSLossless, MR, id="JPEG-LS comment"),
        pytest.param(_j2k, JPEG2000Lossless, MR, id="JPEG 2000 comment"),
        pytest.param(lambda: _frame(J2K) + WORDS, JPEG2000Lossless, MR, id="after a JPEG 2000"),
    ],
)
def test_words_in_a_compressed_image_are_blanked_and_its_pixels_are_the_same(
    make_dataset: MakeDataset,
    subject: Subject,
    policy: Policy,
    frame: Callable[[], bytes],
    syntax: str,
    shape: dict[str, int],
) -> None:
    dataset = _compressed(
        make_dataset,
        [frame(), frame()],
        syntax,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        **shape,
    )
    assert dataset.PixelData.replace(b"\0", b"").count(b"Quef") == 2, "the words are not there to be found"
    before = dataset.PixelData

    written = encode(deidentify(dataset, subject, policy))

    assert b"Quef" not in written
    assert b"Kergoat" not in written
    clean = pydicom.dcmread(BytesIO(written))
    assert len(clean.PixelData) == len(before)
    assert np.array_equal(clean.pixel_array, dataset.pixel_array)
    assert dataset.PixelData == before


def test_a_compressed_image_without_words_is_left_as_it_is(
    make_dataset: MakeDataset, subject: Subject, policy: Policy
) -> None:
    for path in (JPEG_LS, get_testdata_file("MR_small_RLE.dcm"), get_testdata_file("JPEG-lossy.dcm")):
        dataset = pydicom.dcmread(str(path))
        clean = pydicom.dcmread(BytesIO(encode(deidentify(dataset, subject, policy))))
        assert clean.PixelData == dataset.PixelData


def test_words_after_the_last_pixel_are_cut_off(
    make_dataset: MakeDataset, subject: Subject, policy: Policy
) -> None:
    dataset = make_dataset()
    pixels = dataset.PixelData
    dataset.PixelData = pixels + WORDS + b"\0"
    written = encode(deidentify(dataset, subject, policy))
    assert WORDS not in written
    assert pydicom.dcmread(BytesIO(written)).PixelData == pixels
    assert dataset.PixelData == pixels + WORDS + b"\0"
