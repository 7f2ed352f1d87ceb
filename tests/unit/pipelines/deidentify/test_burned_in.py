"""Which headers ask for their pixels to be read, and that slices do not."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydicom import Dataset

from federim_pipelines.deidentify.pixels.burned_in import why_read

CT, MR, US, SC, SEG = ("2", "4", "6.1", "7", "66.4")
ORIGINAL = ["ORIGINAL", "PRIMARY", "AXIAL"]


def _dataset(arc: str, modality: str, **values: object) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = f"1.2.840.10008.5.1.4.1.1.{arc}"
    dataset.Modality = modality
    dataset.Rows = dataset.Columns = 512
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


READ = [
    _dataset(US, "US"),
    _dataset("3.1", "US", BurnedInAnnotation="NO"),
    _dataset("6.2", "IVUS"),
    _dataset(SC, "OT"),
    _dataset("7.4", "CT", BurnedInAnnotation="NO"),
    _dataset("77.1.1", "ES"),
    _dataset("77.1.1.1", "ES"),
    _dataset("77.1.5.1", "OP"),
    _dataset("1", "CR"),
    _dataset("12.1", "XA"),
    _dataset("12.2", "RF"),
    _dataset("1", "HC"),
    _dataset(CT, "CT", BurnedInAnnotation="YES", ImageType=ORIGINAL),
    _dataset(CT, "CT", BurnedInAnnotation="YES ", ImageType=ORIGINAL),
    _dataset(CT, "CT", ConversionType="WSD"),
    _dataset("1.1", "DX", ConversionType="DF", BurnedInAnnotation="NO"),
    _dataset(CT, "CT", SequenceOfUltrasoundRegions=[]),
    _dataset(CT, "CT", ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"]),
    _dataset(CT, "CT", ImageType=["ORIGINAL", "PRIMARY", "OTHER", "CT_SOM5 PROT"]),
    _dataset(CT, "CT", ImageType=["DERIVED", "SECONDARY", "DOSE_INFO"]),
    _dataset(CT, "CT", SeriesDescription="Dose Report", ImageType=ORIGINAL),
    _dataset(MR, "MR", SeriesDescription="Capture d'écran"),
    _dataset(CT, "CT", SamplesPerPixel=3),
    _dataset(MR, "MR", PhotometricInterpretation="PALETTE COLOR"),
    _dataset(CT, "CT", BitsAllocated=8),
    _dataset(MR, "MR", ImageType=["DERIVED", "SECONDARY"]),
]
NOT_READ = [
    _dataset(CT, "CT", ImageType=ORIGINAL, BitsAllocated=16, SamplesPerPixel=1),
    _dataset(CT, "CT", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
    _dataset(CT, "CT", SeriesDescription="Low dose chest"),
    _dataset(MR, "MR", ImageType=["ORIGINAL", "PRIMARY", "M", "ND"], BitsAllocated=8),
    _dataset(MR, "MR", ImageType=["DERIVED", "SECONDARY", "MPR"], ImagePositionPatient=[0, 0, 0]),
    _dataset("4.1", "MR", ImageType=["DERIVED", "SECONDARY"], SharedFunctionalGroupsSequence=[]),
    _dataset("128", "PT", ImageType=["ORIGINAL", "PRIMARY"]),
    _dataset("1.1", "DX", BurnedInAnnotation="NO"),
    _dataset("12.1", "XA", BurnedInAnnotation="NO"),
    _dataset("20", "NM"),
    _dataset(SEG, "SEG"),
    _dataset("30", "OT"),
    _dataset("481.2", "RTDOSE"),
    _dataset("77.1.6", "SM", BurnedInAnnotation="NO"),
    _dataset("88.11", "SR"),
    Dataset(),
]


@pytest.mark.parametrize("dataset", READ, ids=range(len(READ)))
def test_what_may_hold_text_is_read(dataset: Dataset) -> None:
    assert why_read(dataset)


@pytest.mark.parametrize("dataset", NOT_READ, ids=range(len(NOT_READ)))
def test_slices_maps_and_what_denies_it_are_not(dataset: Dataset) -> None:
    assert why_read(dataset) is None


def test_what_has_no_pixels_is_not_read() -> None:
    report = _dataset(US, "US")
    del report.Rows
    assert why_read(report) is None


def test_neither_judgement_loads_a_library() -> None:
    code = (
        "import sys\n"
        "import federim_pipelines.deidentify.pixels.burned_in, federim_pipelines.deidentify.pixels.faces\n"
        "heavy = {'pydicom', 'numpy', 'cv2', 'onnxruntime', 'rapidocr'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
