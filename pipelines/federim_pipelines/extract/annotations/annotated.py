"""One clean annotation object, and what the rows about it have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from federim.model.identifiers import Subject
from federim_pipelines.codes.code import Code
from federim_pipelines.codes.codebook import Codebook
from federim_pipelines.extract.facts import TableRow, part_key
from federim_pipelines.items import Row

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["Annotated", "Place", "TableRow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something was measured: keyed UIDs of the study, the series and the image."""

    study: str | None = None
    series: str | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotated:
    """An object, its header read and its pixels left in the file at `path`."""

    header: Dataset
    path: Path
    subject: Subject
    key: bytes
    codebook: Codebook

    @classmethod
    def at(cls, path: Path, subject: Subject, key: bytes, codebook: Codebook) -> Self:
        """The object in a file."""
        from pydicom import dcmread

        header = dcmread(path, stop_before_pixels=True)
        return cls(header=header, path=path, subject=subject, key=key, codebook=codebook)

    def segment(self, number: int, **told: object) -> TableRow:
        """A row of `segment`."""
        return "segment", self._named() | {"SegmentNumber": number} | told

    def feature(
        self,
        name: str,
        code: Code,
        place: Place,
        *,
        number: float | None = None,
        value: Code | None = None,
        unit: Code | None = None,
        finding: str | None = None,
        **told: object,
    ) -> TableRow:
        """A row of `image_feature`.

        Parameters
        ----------
        name : str
            Tells the value from the object's others.
        finding : str, optional
            Tells what several values describe together from the rest.
        """
        return "image_feature", self._named() | {
            "image_feature_id": part_key(self.key, "feature", name),
            "image_finding_id": None if finding is None else part_key(self.key, "finding", finding),
            "StudyInstanceUID": place.study or keyed_only(self.header.get("StudyInstanceUID")),
            "SeriesInstanceUID": place.series,
            "source_SOPInstanceUID": place.image,
            "feature_concept_id": self.codebook.concept_id(code),
            "feature_source_value": code.code,
            "feature_source_system": code.system,
            "value_as_number": number,
            "value_source_code": None if value is None else value.code,
            "unit_source_value": None if unit is None else unit.code,
        } | told

    def _named(self) -> Row:
        return {
            "person_id": self.subject.person_id,
            "SOPInstanceUID": str(self.header.SOPInstanceUID),
        }


def keyed_only(uid: object) -> str | None:
    """A keyed UID as text; None for one of the Standard's own, which names no object, and for no UID."""
    text = str(uid or "").strip(" \0")
    return text if text.startswith("2.25.") else None
