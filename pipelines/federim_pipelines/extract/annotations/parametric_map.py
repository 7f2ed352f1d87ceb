"""Rows that sum up a parametric map: mean, deviation and extremes of each quantity it shows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from federim_pipelines.codes.code import Code
from federim_pipelines.extract.annotations.annotated import Annotated, Place, TableRow, keyed_only
from federim_pipelines.extract.annotations.coded import code_of, concept_of, number
from federim_pipelines.extract.annotations.frames import Frames, Undecodable, pixels

_QUANTITY: Final = ("SCT", "246205007")
_MEAN, _DEVIATION = "373098007", "386136009"  # SNOMED CT, CID 7464
_LEAST, _GREATEST = "255605001", "56851009"
_PADDING: Final = ("FloatPixelPaddingValue", "DoubleFloatPixelPaddingValue", "PixelPaddingValue")


@dataclass(slots=True)
class Summary:
    """Moments of the values seen so far, as one pass over the frames gives them."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0  # sum of squared distances from the mean
    least: float = math.inf
    greatest: float = -math.inf

    @property
    def deviation(self) -> float:
        """The standard deviation of all there is."""
        return math.sqrt(self.squares / self.count)

    def add(self, values: NDArray[np.float64]) -> None:
        """Take in the values of a frame (Chan, Golub, LeVeque 1979)."""
        count, mean = values.size, float(values.mean())
        together, distance = self.count + count, mean - self.mean
        self.squares += float(np.square(values - mean).sum())
        self.squares += distance * distance * self.count * count / together
        self.mean += distance * count / together
        self.count = together
        self.least = min(self.least, float(values.min()))
        self.greatest = max(self.greatest, float(values.max()))


def rows(annotated: Annotated) -> Iterator[TableRow]:
    """Four rows a quantity; none of a map that does not say by a code what it shows.

    Values are in real-world units; padding and what is no number are left out.

    References
    ----------
    DICOM PS3.3, C.7.6.16.2.11 (Real World Value Mapping), C.8.32.2 (Parametric Map Image Module).
    """
    frames = Frames.of(annotated.header)
    padding = [number(annotated.header, keyword) for keyword in _PADDING if keyword in annotated.header]
    seen: dict[tuple[Code, Code | None], Summary] = {}
    with suppress(Undecodable):
        for place, frame in enumerate(pixels(annotated.path)):
            mapping = frames.macro(place, "RealWorldValueMappingSequence")
            quantity = _quantity(mapping)
            slope, intercept = (
                number(mapping, "RealWorldValueSlope"),
                number(mapping, "RealWorldValueIntercept"),
            )
            if quantity is None or slope is None or intercept is None:
                continue
            unit = code_of(mapping.get("MeasurementUnitsCodeSequence"))
            values = _real(frame, padding) * slope + intercept
            if values.size:
                seen.setdefault((quantity, unit), Summary()).add(values)
        for (quantity, unit), summary in seen.items():
            yield from _rows(annotated, quantity, unit, summary)


def _rows(annotated: Annotated, quantity: Code, unit: Code | None, summary: Summary) -> Iterator[TableRow]:
    told = {
        _MEAN: summary.mean,
        _DEVIATION: summary.deviation,
        _LEAST: summary.least,
        _GREATEST: summary.greatest,
    }
    name = f"{quantity.system} {quantity.code} {unit.code if unit else ''}"
    for derivation, value in told.items():
        yield annotated.feature(
            f"{name} {derivation}",
            quantity,
            _place(annotated.header),
            number=value,
            unit=unit,
            finding=name,
            derivation_source_value=derivation,
        )


def _quantity(mapping: Dataset) -> Code | None:
    """What the values of a mapping measure."""
    for item in mapping.get("QuantityDefinitionSequence") or ():
        if concept_of(item.get("ConceptNameCodeSequence")) == _QUANTITY:
            return code_of(item.get("ConceptCodeSequence"))
    return None


def _real(frame: NDArray[Any], padding: list[float | None]) -> NDArray[np.float64]:
    values = frame.astype(np.float64).ravel()
    return values[np.isfinite(values) & ~np.isin(values, [value for value in padding if value is not None])]


def _place(header: Dataset) -> Place:
    """The series a map was made from, if it is one."""
    series = {
        keyed_only(item.get("SeriesInstanceUID")) for item in header.get("ReferencedSeriesSequence") or ()
    }
    return Place(series=series.pop() if len(series) == 1 else None)
