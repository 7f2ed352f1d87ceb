"""Annotation objects enter under the research policy, and their rows meet those of the images they are of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotation_objects import (
    COLUMNS,
    RADIATION_DOSE,
    ROWS,
    SERIES,
    node,
    parametric_map,
    report,
    scan,
    segmentation,
    square,
    structure_set,
    written,
)

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim_pipelines.run import ingest


def select(home: Home, sql: str) -> list[dict[str, Any]]:
    with connect_home(home) as connection:
        return query(connection, sql, seconds=60).to_pylist()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scan, and one object of each kind about it."""
    made = tmp_path / "in"
    made.mkdir()
    images = scan()
    for number, image in enumerate(images):
        written(image, made / f"image-{number}")
    mask = np.zeros((5, ROWS, COLUMNS), np.uint8)
    mask[2, 1:4, 1:5] = 1
    written(segmentation(images, mask), made / "segmentation")
    written(structure_set(("liver", [square(10, 0), square(10, 2.5)])), made / "regions")
    diameter = node("NUM", ("SCT", "81827009"), (12.25, "mm"))
    group = node("CONTAINER", ("DCM", "125007"), None, diameter, node("IMAGE", None, f"{SERIES}.2"))
    written(report(group), made / "report")
    dose = node("NUM", ("DCM", "113813"), (415.5, "mGy.cm"))
    doses = report(dose, sop_class=RADIATION_DOSE, title=("DCM", "113701"))
    doses.SOPInstanceUID = doses.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.9.9.1"
    written(doses, made / "doses")
    written(parametric_map(images, np.ones((5, ROWS, COLUMNS), np.float32)), made / "map")
    return made


def test_every_kind_leaves_its_rows(site: Home, folder: Path) -> None:
    done = ingest(site, [folder], policy="research")
    assert (done.accepted, done.quarantined) == (10, 0)
    (counted,) = select(
        site,
        "SELECT (SELECT count(*) FROM segment) AS segments, "
        "(SELECT count(*) FROM image_feature) AS features, "
        "(SELECT count(DISTINCT person_id) FROM (FROM segment SELECT person_id UNION ALL "
        "FROM image_feature SELECT person_id)) AS persons",
    )
    assert counted == {"segments": 2, "features": 1 + 1 + 4, "persons": 1}


def test_they_meet_the_images_they_are_of(site: Home, folder: Path) -> None:
    ingest(site, [folder], policy="research")
    drawn = select(
        site,
        'SELECT count(*) AS n FROM segment s JOIN image_occurrence i ON s."source_SeriesInstanceUID" = '
        'i."SeriesInstanceUID" AND s.person_id = i.person_id WHERE i."Modality" = \'CT\'',
    )
    measured = select(
        site,
        'SELECT i."InstanceNumber" AS n FROM image_feature f JOIN instance i ON '
        'f."source_SOPInstanceUID" = i."SOPInstanceUID" AND f."StudyInstanceUID" = i."StudyInstanceUID"',
    )
    assert (drawn, measured) == ([{"n": 2}], [{"n": 2}])


def test_nothing_of_them_names_the_patient_or_an_original(site: Home, folder: Path) -> None:
    ingest(site, [folder], policy="research")
    everything = repr(select(site, "SELECT * FROM segment")) + repr(
        select(site, "SELECT * FROM image_feature")
    )
    for told in (SERIES, "1.2.826.0.1.9", "IPP-778899", "ffelec"):
        assert told not in everything


def test_reading_them_again_adds_nothing(site: Home, folder: Path) -> None:
    ingest(site, [folder], policy="research")
    before = select(site, "SELECT * FROM segment ORDER BY ALL") + select(
        site, "FROM image_feature ORDER BY ALL"
    )
    again = ingest(site, [folder], policy="research")
    assert (again.accepted, again.duplicates) == (0, 10)
    assert before == select(site, "SELECT * FROM segment ORDER BY ALL") + select(
        site, "FROM image_feature ORDER BY ALL"
    )


def test_one_that_is_refused_leaves_no_object_behind(site: Home, tmp_path: Path) -> None:
    made = structure_set(("liver", [square(10, 0)]))
    del made.StructureSetROISequence[0].ROINumber
    done = ingest(site, [written(made, tmp_path / "regions")], policy="research")
    assert (done.accepted, done.quarantined) == (0, 1)
    assert not list(site.objects.rglob("*.dcm"))
    (row,) = select(site, "SELECT reason, detail FROM quarantine")
    assert row == {"reason": "value-unusable", "detail": "ROINumber"}
