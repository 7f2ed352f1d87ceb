"""Draw a hospital's rows by the million, in the order of their declared layout.

Every value is drawn; nobody is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from federim.lake.declaration import Table
from federim.lake.declared.clinical import CONDITION_OCCURRENCE, MEASUREMENT
from federim.lake.declared.imaging import IMAGE_OCCURRENCE, INSTANCE, STUDY
from federim.lake.declared.persons import PERSON
from federim.lake.prepare import bucket_of

SERIES_A_STUDY: Final = 6.2  # IDC's average
CODES: Final = tuple(f"{code}-{code % 10}" for code in range(1000, 1200))
CRP: Final = "1988-5"
DIAGNOSES: Final = tuple(f"{letter}{number:02}" for letter in "ABCDEIJKMN" for number in range(0, 60, 2))
DIGITS: Final = 10**18


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows there are of each kind."""

    persons: int
    series: int
    instances: int
    measurements: int
    conditions: int

    def over(self, parts: int) -> Size:
        """The same hospital, so many times smaller."""
        return Size(
            self.persons // parts,
            self.series // parts,
            self.instances // parts,
            self.measurements // parts,
            self.conditions // parts,
        )


NATIONAL: Final = Size(
    persons=20_000, series=100_000, instances=5_000_000, measurements=20_000_000, conditions=600_000
)


class Rows:
    """Draws tables that belong together; each is in the order of its files: bucket, then as declared."""

    def __init__(self, size: Size, bucket_key: bytes, seed: int = 7) -> None:
        self.size = size
        self._draw = np.random.default_rng(seed)
        drawn = sorted(self._draw.bytes(16).hex() for _ in range(size.persons))
        placed = sorted((bucket_of(person, bucket_key), person) for person in drawn)
        self._buckets = np.array([bucket for bucket, _ in placed], np.int8)
        self._persons = pa.array([person for _, person in placed])
        of_study = np.sort(self._draw.integers(0, size.persons, max(1, int(size.series / SERIES_A_STUDY))))
        self._study_person = of_study
        self._studies, _ = self._uids(len(of_study), of_study)
        self._series_study = np.sort(self._draw.integers(0, len(of_study), size.series))
        self._series, number = self._uids(size.series, self._series_study)
        # Instances lie by series alone within a person, where series lie by study first.
        by_series = np.lexsort((number, of_study[self._series_study]))
        drawn_series = np.sort(self._draw.integers(0, size.series, size.instances))
        self._instance_series = by_series[drawn_series]
        self._modality = self._draw.choice(["CT", "MR", "US", "PT"], size.series, p=[0.4, 0.4, 0.15, 0.05])

    def person(self) -> pa.Table:
        who = np.arange(self.size.persons)
        return self._table(
            PERSON,
            who,
            year_of_birth=self._draw.integers(1940, 2010, len(who)),
            gender_concept_id=self._draw.choice([8507, 8532], len(who)),
            site=self._same("bench", len(who)),
            linked=np.ones(len(who), bool),
        )

    def study(self) -> pa.Table:
        count = len(self._study_person)
        return self._table(
            STUDY,
            self._study_person,
            StudyInstanceUID=self._studies,
            StudyDate=self._days(count),
            PatientAge=self._draw.integers(1, 90, count),
        )

    def image_occurrence(self) -> pa.Table:
        count = self.size.series
        return self._table(
            IMAGE_OCCURRENCE,
            self._study_person[self._series_study],
            StudyInstanceUID=self._studies.take(pa.array(self._series_study)),
            SeriesInstanceUID=self._series,
            FrameOfReferenceUID=self._uids(count)[0],
            Modality=self._modality,
            SOPClassUID=self._same("1.2.840.10008.5.1.4.1.1.2", count),
            SeriesDate=self._days(count),
            BodyPartExamined=self._draw.choice(["CHEST", "HEAD", "ABDOMEN"], count),
            Manufacturer=self._draw.choice(["Synthetic A", "Synthetic B"], count),
            ConvolutionKernel=self._draw.choice(["B30f", "B70f", "STANDARD"], count),
            SliceThickness=self._draw.choice([0.625, 1.0, 1.25, 2.0, 3.0, 5.0], count),
            PixelSpacingRow=self._draw.choice([0.5, 0.7, 0.9], count),
            PixelSpacingColumn=self._draw.choice([0.5, 0.7, 0.9], count),
            Rows=np.full(count, 512),
            Columns=np.full(count, 512),
            NumberOfInstances=np.bincount(self._instance_series, minlength=count),
            SizeBytes=self._draw.integers(1_000_000, 200_000_000, count),
        )

    def instance(self) -> pa.Table:
        series, count = self._instance_series, self.size.instances
        first = np.r_[True, series[1:] != series[:-1]]
        start = np.maximum.accumulate(np.where(first, np.arange(count), 0))
        number = np.arange(count) - start
        study = self._series_study[series]
        return self._table(
            INSTANCE,
            self._study_person[study],
            StudyInstanceUID=self._studies.take(pa.array(study)),
            SeriesInstanceUID=self._series.take(pa.array(series)),
            SOPInstanceUID=self._uids(count)[0],
            SOPClassUID=self._same("1.2.840.10008.5.1.4.1.1.2", count),
            InstanceNumber=number + 1,
            NumberOfFrames=np.ones(count, np.int32),
            ImagePositionX=np.full(count, -170.0),
            ImagePositionY=np.full(count, -170.0),
            ImagePositionZ=-400.0 + number * 1.25,
            ImageOrientationRowX=np.ones(count),
            ImageOrientationRowY=np.zeros(count),
            ImageOrientationRowZ=np.zeros(count),
            ImageOrientationColumnX=np.zeros(count),
            ImageOrientationColumnY=np.ones(count),
            ImageOrientationColumnZ=np.zeros(count),
            PixelSpacingRow=np.full(count, 0.7),
            PixelSpacingColumn=np.full(count, 0.7),
            Rows=np.full(count, 512),
            Columns=np.full(count, 512),
            TransferSyntaxUID=self._same("1.2.840.10008.1.2.1", count),
        )

    def measurement(self) -> pa.Table:
        count = self.size.measurements
        codes = pa.array(sorted((*CODES, CRP)))
        who = self._draw.integers(0, self.size.persons, count)
        code = self._draw.integers(0, len(codes), count)
        day = self._draw.integers(15_000, 19_000, count)
        order = np.argsort(
            ((self._buckets[who].astype(np.int64) * len(codes) + code) * self.size.persons + who) * 4_096
            + (day - 15_000)
        )
        who, code, day = who[order], code[order], day[order]
        return self._table(
            MEASUREMENT,
            who,
            measurement_id=self._ids(count),
            measurement_concept_id=3_000_000 + code,
            measurement_source_value=codes.take(pa.array(code)),
            measurement_source_system=self._same("LOINC", count),
            measurement_date=day.astype("datetime64[D]"),
            value_as_number=self._draw.gamma(2, 10, count).round(1),
            unit=self._same("mg/L", count),
            unit_source_value=self._same("mg/L", count),
        )

    def condition_occurrence(self) -> pa.Table:
        count = self.size.conditions
        codes = pa.array(sorted(DIAGNOSES))
        who = self._draw.integers(0, self.size.persons, count)
        code = self._draw.integers(0, len(codes), count)
        order = np.lexsort((who, code, self._buckets[who]))
        who, code = who[order], code[order]
        return self._table(
            CONDITION_OCCURRENCE,
            who,
            condition_occurrence_id=self._ids(count),
            condition_concept_id=4_000_000 + code,
            condition_source_value=codes.take(pa.array(code)),
            condition_source_system=self._same("CIM-10", count),
            condition_start_date=self._days(count),
        )

    def tables(self) -> Mapping[str, Callable[[], pa.Table]]:
        """What draws each table, by its name; in this order, one at a time, to spare memory."""
        made = (PERSON, STUDY, IMAGE_OCCURRENCE, INSTANCE, MEASUREMENT, CONDITION_OCCURRENCE)
        return {table.name: getattr(self, table.name) for table in made}

    def _table(self, table: Table, who: Any, **values: Any) -> pa.Table:
        columns = [self._column(field, who, values) for field in table.arrow if field.name != "bucket"]
        content = pa.table(columns, schema=pa.schema([column.arrow for column in table.columns]))
        return content.append_column(table.arrow.field("bucket"), pa.array(self._buckets[who]))

    def _column(self, field: pa.Field, who: Any, values: Mapping[str, Any]) -> pa.Array:
        if field.name == "person_id":
            return self._persons.take(pa.array(who))
        if field.name not in values:
            return pa.nulls(len(who), field.type)
        given = values[field.name]
        return given if isinstance(given, pa.Array) else pa.array(given, field.type)

    def _days(self, count: int) -> Any:
        return self._draw.integers(15_000, 19_000, count).astype("datetime64[D]")

    def _same(self, text: str, count: int) -> pa.Array:
        return pa.repeat(text, count)

    def _ids(self, count: int) -> pa.Array:
        """Identifiers of 32 hexadecimal digits."""
        text = self._draw.bytes(16 * count).hex().encode()
        offsets = np.arange(0, 32 * (count + 1), 32, dtype=np.int64)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
        return pa.Array.from_buffers(pa.large_string(), count, buffers).cast(pa.string())

    def _uids(self, count: int, of: Any = None) -> tuple[pa.Array, Any]:
        """UIDs of the form 2.25.… and how each begins; ascending within each of `of`, which is sorted."""
        first = self._draw.integers(DIGITS, 9 * DIGITS, count)
        if of is not None:
            first = first[np.lexsort((first, of))]
        second = self._draw.integers(DIGITS, 9 * DIGITS, count)
        texts = [pc.cast(pa.array(number), pa.string()) for number in (first, second)]
        return pc.binary_join_element_wise(self._same("2.25.", count), *texts, ""), first
