"""Graphics put on an image keep their geometry and lose their words, and what hangs together still does."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.file_format import encode
from federim_pipelines.deidentify.instance import Deidentifier
from federim_pipelines.deidentify.policy.compilation import load_policy

MakeDataset = Callable[..., Dataset]
MakeState = Callable[..., Dataset]

RESEARCH, BASIC = load_policy("research"), load_policy("basic")
CANARY = "ZZCANARYZZ"


@pytest.fixture(params=[True, False], ids=["tokens", "elements"])
def cleaned(request: pytest.FixtureRequest, subject: Subject) -> Callable[[Dataset], Dataset]:
    """What is written of a dataset under `research`."""
    deidentifier = Deidentifier(RESEARCH, lambda _: subject, fast=request.param)

    def clean(dataset: Dataset) -> Dataset:
        with deidentifier.content(encode(dataset)) as written:
            return dcmread(BytesIO(written.head + written.body + written.tail))

    return clean


@pytest.fixture
def make_state(make_dataset: MakeDataset) -> MakeState:
    """A presentation state of the given layers, with an arrow and a text on each."""

    def build(*layers: str, text: str = CANARY, **attributes: object) -> Dataset:
        no_image = dict.fromkeys(
            [
                *("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit"),
                *("PhotometricInterpretation", "PixelRepresentation", "PixelData", "SliceThickness"),
            ]
        )
        state = make_dataset(
            **no_image
            | {"SOPClassUID": GrayscaleSoftcopyPresentationStateStorage, "Modality": "PR"}
            | attributes
        )
        state.file_meta.MediaStorageSOPClassUID = state.SOPClassUID
        state.ContentLabel, state.ContentCreatorName = CANARY, CANARY
        state.ContentDescription = f"lung {CANARY}"
        state.PresentationCreationDate, state.PresentationCreationTime = "20240229", "101500"
        state.GraphicLayerSequence = Sequence(_layer(order, name) for order, name in enumerate(layers, 1))
        state.GraphicAnnotationSequence = Sequence(_annotation(name, text) for name in layers)
        return state

    return build


def _layer(order: int, name: str) -> Dataset:
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder, layer.GraphicLayerDescription = name, order, CANARY
    return layer


def _annotation(layer: str, text: str) -> Dataset:
    drawn, written, reference, annotation = Dataset(), Dataset(), Dataset(), Dataset()
    drawn.GraphicAnnotationUnits, drawn.GraphicDimensions, drawn.NumberOfGraphicPoints = "PIXEL", 2, 2
    drawn.GraphicData, drawn.GraphicType, drawn.GraphicFilled = [1.5, 2.5, 100.25, 7.0], "POLYLINE", "N"
    written.BoundingBoxAnnotationUnits, written.UnformattedTextValue = "PIXEL", text
    written.BoundingBoxTopLeftHandCorner, written.BoundingBoxBottomRightHandCorner = [1.0, 1.0], [50.0, 9.0]
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = "1.2.3.4.1"
    annotation.GraphicLayer = layer
    annotation.ReferencedImageSequence = Sequence([reference])
    annotation.GraphicObjectSequence = Sequence([drawn])
    annotation.TextObjectSequence = Sequence([written])
    return annotation


def test_no_word_of_a_presentation_state_is_left(
    make_state: MakeState, cleaned: Callable[[Dataset], Dataset]
) -> None:
    written = encode(cleaned(make_state("DR ROY", "QUEFFELEC MAEL")))
    for word in (CANARY, "ROY", "QUEFFELEC", "MAEL", "20240229"):
        assert word.encode() not in written


def test_lines_boxes_dates_and_references_stay(
    make_state: MakeState, cleaned: Callable[[Dataset], Dataset]
) -> None:
    clean = cleaned(make_state("ROY"))
    (annotation,) = clean.GraphicAnnotationSequence
    assert annotation.GraphicObjectSequence[0].GraphicData == [1.5, 2.5, 100.25, 7.0]
    assert annotation.TextObjectSequence[0].BoundingBoxBottomRightHandCorner == [50.0, 9.0]
    assert annotation.ReferencedImageSequence[0].ReferencedSOPInstanceUID == clean.SOPInstanceUID
    assert (clean.PresentationCreationDate, clean.PresentationCreationTime) == ("20231121", "101500")


def test_a_text_of_which_nothing_may_stay_still_has_a_value(
    make_state: MakeState, cleaned: Callable[[Dataset], Dataset]
) -> None:
    texts = [
        cleaned(make_state("ROY", text=text))
        .GraphicAnnotationSequence[0]
        .TextObjectSequence[0]
        .UnformattedTextValue
        for text in (CANARY, f"lung {CANARY}")
    ]
    assert texts == ["REMOVED", "lung"]


def test_annotations_are_still_on_their_layers(
    make_state: MakeState, cleaned: Callable[[Dataset], Dataset]
) -> None:
    clean = cleaned(make_state("DR ROY", "CT", "QUEFFELEC MAEL"))
    layers = [layer.GraphicLayer for layer in clean.GraphicLayerSequence]
    assert layers == [annotation.GraphicLayer for annotation in clean.GraphicAnnotationSequence]
    assert len(set(layers)) == 3
    assert layers[1] == "CT"
    assert all(len(layer) <= 16 and layer == layer.upper() for layer in layers)
    again = cleaned(make_state("DR ROY"))
    assert again.GraphicLayerSequence[0].GraphicLayer == layers[0]


def test_overlays_and_curves_go_with_all_that_describes_them(
    make_dataset: MakeDataset, cleaned: Callable[[Dataset], Dataset]
) -> None:
    dataset = make_dataset()
    for group in (0x6000, 0x601E):
        for number, vr, value in [
            (0x0010, "US", 2),
            (0x0011, "US", 2),
            (0x0022, "LO", CANARY),
            (0x0040, "CS", "G"),
            (0x0045, "LO", CANARY),
            (0x0050, "SS", [1, 1]),
            (0x0100, "US", 1),
            (0x0102, "US", 0),
            (0x1500, "LO", CANARY),
            (0x3000, "OW", CANARY.encode()),
            (0x4000, "LT", CANARY),
        ]:
            dataset.add(DataElement(group << 16 | number, vr, value))
    dataset.ShutterShape, dataset.ShutterOverlayGroup = "BITMAP", 0x6000
    dataset.add(DataElement(0x50002500, "LO", CANARY))
    dataset.add(DataElement(0x50003000, "OW", CANARY.encode()))
    clean = cleaned(dataset)
    assert not [tag for tag in clean.keys() if tag.group >> 8 in (0x50, 0x60)]  # noqa: SIM118
    assert not {"ShutterShape", "ShutterOverlayGroup"} & set(clean.dir())
    assert CANARY.encode() not in encode(clean)
