"""A dose report gives the doses of an examination and of each irradiation, and not its machine's settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from annotation_objects import RADIATION_DOSE, node, report
from pydicom import Dataset

Rows = list[dict[str, Any]]


def dcm(code: str) -> tuple[str, str]:
    return "DCM", code


def acquisition(event: str, ctdi: float, dlp: float, region: tuple[str, str]) -> Dataset:
    """A CT Acquisition of TID 10013."""
    return node(
        "CONTAINER",
        dcm("113819"),
        None,
        node("TEXT", dcm("125203"), "Thorax sans injection"),
        node("CODE", dcm("123014"), region),
        node("UIDREF", dcm("113769"), event),
        node(
            "CONTAINER",
            dcm("113822"),
            None,
            node("NUM", dcm("113824"), (0.5, "s")),  # exposure time
            node("NUM", dcm("113825"), (350, "mm")),  # scanning length
        ),
        node(
            "CONTAINER",
            dcm("113829"),
            None,
            node("NUM", dcm("113830"), (ctdi, "mGy")),
            node("CODE", dcm("113835"), dcm("113691")),
            node("NUM", dcm("113838"), (dlp, "mGy.cm")),
        ),
    )


@pytest.fixture
def ct_dose() -> Dataset:
    """TID 10011: two acquisitions, and what they add up to."""
    return report(
        node("CODE", dcm("121058"), ("SCT", "77477000")),
        node("DATETIME", dcm("113809"), "20240301101000"),
        node("UIDREF", dcm("113605"), "1.2.3.4"),
        node(
            "CONTAINER",
            dcm("113811"),
            None,
            node("NUM", dcm("113812"), (2, "{events}")),
            node("NUM", dcm("113813"), (415.5, "mGy.cm")),
        ),
        acquisition("1.2.3.41", 0.5, 15.5, ("SCT", "51185008")),
        acquisition("1.2.3.42", 8.25, 400.0, ("SCT", "818983003")),
        sop_class=RADIATION_DOSE,
        title=dcm("113701"),
    )


def test_the_doses_of_a_ct(rows: Callable[..., Rows], ct_dose: Dataset) -> None:
    found = rows(ct_dose)
    assert [
        (
            row["feature_source_value"],
            row["value_as_number"],
            row["unit_source_value"],
            row["finding_site_source_value"],
        )
        for row in found
    ] == [
        ("113812", 2, "{events}", None),
        ("113813", 415.5, "mGy.cm", None),
        ("113830", 0.5, "mGy", "51185008"),
        ("113838", 15.5, "mGy.cm", "51185008"),
        ("113830", 8.25, "mGy", "818983003"),
        ("113838", 400.0, "mGy.cm", "818983003"),
    ]
    assert {row["feature_source_system"] for row in found} == {"http://dicom.nema.org/resources/ontology/DCM"}


def test_the_doses_of_one_irradiation_belong_together(rows: Callable[..., Rows], ct_dose: Dataset) -> None:
    found = [row["image_finding_id"] for row in rows(ct_dose)]
    assert found[2] == found[3] != found[4] == found[5]


def test_the_doses_of_an_angiography_and_of_a_mammography(rows: Callable[..., Rows]) -> None:
    fluoroscopy = node(
        "CONTAINER",
        dcm("113702"),
        None,
        node("NUM", dcm("113722"), (0.0012, "Gy.m2")),
        node("NUM", dcm("113725"), (0.15, "Gy")),
        node("NUM", dcm("113730"), (312, "s")),
        node("NUM", dcm("113734"), (1, "1")),  # some other number
    )
    left = node("CODE", ("SCT", "272741003"), ("SCT", "7771000"), relationship="HAS CONCEPT MOD")
    breast = node("CONTAINER", dcm("113702"), None, node("NUM", dcm("111637"), (1.8, "mGy"), left))
    found = rows(report(fluoroscopy, breast, sop_class=RADIATION_DOSE, title=dcm("113701")))
    assert [(row["feature_source_value"], row["laterality_source_value"]) for row in found] == [
        ("113722", None),
        ("113725", None),
        ("113730", None),
        ("111637", "7771000"),
    ]
