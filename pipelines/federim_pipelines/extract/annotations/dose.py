"""Rows of a radiation dose report: the doses of an examination and of each irradiation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from federim_pipelines.extract.annotations import features
from federim_pipelines.extract.annotations.annotated import Annotated, TableRow
from federim_pipelines.extract.annotations.content import Item

# Concepts of DCM. A report tells some thirty numbers more of each irradiation, such as angles and filters;
# they stay in the object.
_DOSES: Final = frozenset(
    {
        # Radiography, fluoroscopy, angiography (TID 10002, 10003, 10004, 10007)
        *(
            "113722",
            "113726",
            "113727",
            "122130",
        ),  # Dose Area Product: total, fluoroscopy, acquisition, event
        *("113725", "113728", "113729", "113738"),  # Dose (RP): total, fluoroscopy, acquisition, event
        *("113730", "113855", "113731"),  # Total Fluoro Time, Total Acquisition Time, Radiographic Frames
        *("113742", "111636"),  # Irradiation Duration, Entrance Exposure at RP
        # Mammography (TID 10005)
        *("111637", "111631"),  # Average Glandular Dose: accumulated, event
        # CT (TID 10012, 10013)
        *("113812", "113813", "130745"),  # irradiation events, DLP total and sub-total
        *("113830", "113838", "113930"),  # Mean CTDIvol, DLP, Size Specific Dose Estimate
        # Any (TID 10011, 10030)
        *("113814", "113839", "113518", "128513"),  # Effective Dose: CT total, any; Organ Dose, Absorbed Dose
        # Radiopharmaceuticals (TID 10022)
        "113507",  # Administered activity
    }
)


def rows(annotated: Annotated) -> Iterator[TableRow]:
    """A row a dose. Those of one irradiation share their `image_finding_id`.

    References
    ----------
    DICOM PS3.16, TID 10001 (projection X-ray), 10011 (CT), 10021 (radiopharmaceutical), 10030 (patient).
    """
    return features.rows(annotated, wanted=_is_a_dose)


def _is_a_dose(item: Item) -> bool:
    return item.value_type == "NUM" and item.concept is not None and item.concept[1] in _DOSES
