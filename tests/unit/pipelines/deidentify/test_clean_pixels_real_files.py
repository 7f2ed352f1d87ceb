"""Real ultrasound screens and endoscopies lose their text; real images without text lose nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from federim_pipelines.deidentify.pixels import ocr
from federim_pipelines.deidentify.pixels.blanking import clean_pixels
from federim_pipelines.deidentify.pixels.burned_in import why_read
from federim_pipelines.deidentify.pixels.projection import burned_text
from federim_pipelines.deidentify.pixels.rendering import pictures_of, samples_of

# How many lines of text a person counts on each, at least: names, dates and settings.
SCREENS = {
    "deid-data-0.0.20/ultrasounds/GREYSCALE_IMAGE.dcm": 15,
    "deid-data-0.0.20/ultrasounds/RGB_IMAGE.dcm": 20,
    "pydicom-data/OBXXXX1A_expb.dcm": 15,
    "pydicom-data/OBXXXX1A_rle.dcm": 15,
    "pydicom-data/US1_J2KI.dcm": 15,
    "pydicom-data/JPGLosslessP14SV1_1s_1f_8b.dcm": 15,
    "pydicom-3.0.2/test_files/examples_ybr_color.dcm": 10,
    "dicom-test-files/WG04/J2KR/VL1_J2KR": 5,
}
WITHOUT_TEXT = (
    "deid-data-0.0.20/humans/ctbrain1.dcm",
    "dicom-test-files/WG04/J2KI/XA1_J2KI",
    "dicom-test-files/WG04/J2KR/NM1_J2KR",
    "pydicom-3.0.2/test_files/SC_rgb_jpeg_dcmtk.dcm",
    "pydicom-data/JLSL_16_15_1_1F.dcm",
    "pydicom-data/SC_rgb_16bit_2frame.dcm",
    "pydicom-data/color-pl.dcm",
    "pydicom-data/explicit_VR-UN.dcm",
)


@pytest.mark.parametrize("path", SCREENS)
@pytest.mark.filterwarnings("ignore")  # pydicom's, of values that are not as the Standard wants them
def test_no_text_can_be_read_on_a_cleaned_screen(shared_data: Path, path: str) -> None:
    dataset = dcmread(shared_data / path)
    before = [frame.copy() for frame in samples_of(dataset)]
    assert why_read(dataset)
    assert clean_pixels(dataset) >= SCREENS[path]
    after = list(samples_of(dataset))
    assert len(after) == len(before)
    changed = np.mean([(old != new).mean() for old, new in zip(before, after, strict=True)])
    assert 0 < changed < 0.12
    assert not burned_text(dataset)
    words = [
        word
        for picture in pictures_of(after[0], dataset)
        for word in ocr._engine()(picture, use_det=True, use_cls=False, use_rec=True).txts or ()
    ]
    assert not [word for word in words if sum(char.isalnum() for char in word) > 3]


@pytest.mark.parametrize("path", WITHOUT_TEXT)
@pytest.mark.filterwarnings("ignore")  # pydicom's, of values that are not as the Standard wants them
def test_an_image_without_text_keeps_every_byte(shared_data: Path, path: str) -> None:
    dataset = dcmread(shared_data / path)
    before, syntax = dataset.PixelData, dataset.file_meta.TransferSyntaxUID
    assert clean_pixels(dataset) == 0
    assert dataset.PixelData == before
    assert dataset.file_meta.TransferSyntaxUID == syntax
