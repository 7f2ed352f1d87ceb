"""A training plan: everything a committee and each site agree to before a model is trained."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from federim.model.errors import InputError
from federim.model.identifiers import SiteName

FLOOR_COHORT = 10
"""Fewest persons behind anything a site sends; a plan or a site may only raise it."""

EXEMPT: Final = "exempt"
"""What a plan says of faces when its committee lets series that may show one be trained on."""

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
SHA256 = re.compile(r"[0-9a-f]{64}")
LONGEST_RUN = 10_000


class Task(StrEnum):
    """What is learnt."""

    TABULAR = "tabular"  # logistic regression on measurements
    IMAGE = "image"  # a small convolutional network on series


class Statistic(StrEnum):
    """Which of a person's values of one measurement becomes the feature."""

    FIRST = "first"
    LAST = "last"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"


class LabelTable(StrEnum):
    """Where the outcome is read. The lake's table of that name."""

    CONDITION = "condition_occurrence"
    OBSERVATION = "observation"
    MEASUREMENT = "measurement"


def _require(holds: bool, field: str, expected: str) -> None:
    if not holds:
        raise InputError(f"training plan, {field}: expected {expected}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One column of a tabular task: a measurement's code, its unit, and which of its values."""

    code: str  # measurement_source_value, for example LOINC 2160-0
    unit: str  # UCUM, as in column unit of measurement; values in any other unit are not used
    statistic: Statistic = Statistic.LAST

    def __post_init__(self) -> None:
        _require(bool(self.code), "features", "a measurement code in every feature")
        _require(bool(self.unit), "features", "a unit in every feature; '1' is UCUM's word for none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The rule that says whether a person is a case (1) or not (0).

    A condition is present or absent. An observation's last coded value is `value` or another one; a
    measurement's last number in `unit` is `at_least` that or less. Persons with neither are left out.
    """

    table: LabelTable
    code: str
    value: str = ""
    unit: str = ""
    at_least: float | None = None

    def __post_init__(self) -> None:
        _require(bool(self.code), "label", "a code")
        coded, measured = self.table is LabelTable.OBSERVATION, self.table is LabelTable.MEASUREMENT
        _require(bool(self.value) == coded, "label", "`value` with an observation, and only there")
        _require(
            bool(self.unit) == measured and (self.at_least is not None) == measured,
            "label",
            "`unit` and `at_least` with a measurement, and only there",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How a series becomes an array: axes are (slices, rows, columns)."""

    modality: str  # DICOM Modality
    size: tuple[int, int, int]  # voxels
    spacing_mm: tuple[float, float, float]
    window: tuple[
        float, float
    ]  # in the series' own unit after the modality transform (CT: HU); maps to [0, 1]

    def __post_init__(self) -> None:
        _require(bool(self.modality), "preprocessing", "a DICOM modality")
        _require(
            len(self.size) == 3 and all(8 <= n <= 512 for n in self.size),
            "preprocessing.size",
            "three voxel counts between 8 and 512: slices, rows, columns",
        )
        _require(
            len(self.spacing_mm) == 3 and all(0 < step <= 100 for step in self.spacing_mm),
            "preprocessing.spacing_mm",
            "three lengths in mm: between slices, rows, columns",
        )
        _require(
            len(self.window) == 2 and self.window[0] < self.window[1],
            "preprocessing.window",
            "a low and a high intensity",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the server may ask for in a run, and what it asks for unless told otherwise."""

    lowest: float
    highest: float
    default: float

    def __post_init__(self) -> None:
        _require(
            0 < self.lowest <= self.default <= self.highest < math.inf,
            "learning_rate and local_epochs",
            "0 < lowest <= default <= highest",
        )

    def allow(self, value: float) -> bool:
        """Whether `value` is within the bounds; a NaN is not."""
        return self.lowest <= value <= self.highest


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayShape:
    """One array of a message. `counts` marks a count of persons, which small-cell suppression covers."""

    name: str
    shape: tuple[int, ...]
    dtype: str  # numpy's word: float32, float64, int64
    counts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageShape:
    """What one type of message brings to a site and what it may take away: nothing else passes the gate."""

    message_type: str
    config: tuple[str, ...]  # every key of the message's ConfigRecord
    receives: tuple[ArrayShape, ...]
    replies: tuple[ArrayShape, ...]
    metrics: tuple[str, ...]
    norm_bound: float  # largest L2 norm of the reply, all its arrays together


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotPin:
    """The frozen cohort one site trains on."""

    site: SiteName
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What is trained, on what, how far, and what may leave a site while it is.

    Raises
    ------
    InputError
        A field is not what it must be; the message names it.
    """

    name: str
    project: str
    hub: str  # whose signature stands for the committee's decision
    purpose: str  # one sentence for the people who sign
    task: Task
    cohort: str
    sites: tuple[SnapshotPin, ...]
    minimum_sites: int
    label: Label
    features: tuple[Feature, ...] = ()
    preprocessing: Preprocessing | None = None
    faces: Literal["exempt"] | None = None  # without it, series that may show a face are not trained on
    faces_reason: str = ""  # why the faces are needed, for the people who sign
    rounds: int
    learning_rate: Bounds
    local_epochs: Bounds
    test_fraction: float
    minimum_cohort: int
    norm_bound: float
    seed: int
    expires: dt.date
    app_sha256: str
    messages: tuple[MessageShape, ...]

    def __post_init__(self) -> None:
        for field in ("name", "project", "hub", "cohort"):
            _require(
                NAME.fullmatch(getattr(self, field)) is not None,
                field,
                "1 to 40 lower-case letters, digits and hyphens",
            )
        _require(bool(self.purpose.strip()), "purpose", "a sentence for the people who sign")
        names = [pin.site for pin in self.sites]
        _require(len(set(names)) == len(names), "sites", "each site once")
        _require(
            all(SHA256.fullmatch(pin.sha256) for pin in self.sites),
            "sites",
            "a snapshot's sha256 for each site",
        )
        _require(
            2 <= self.minimum_sites <= len(names),
            "minimum_sites",
            "at least 2 (one site's update is that site's own) and no more than there are sites",
        )
        if self.task is Task.TABULAR:
            _require(
                bool(self.features) and self.preprocessing is None,
                "features",
                "at least one, and no preprocessing",
            )
            _require(len(set(self.features)) == len(self.features), "features", "each feature once")
            _require(
                self.label.table is not LabelTable.MEASUREMENT
                or all(feature.code != self.label.code for feature in self.features),
                "features",
                "a label that is not itself a feature",
            )
        else:
            _require(
                self.preprocessing is not None and not self.features, "preprocessing", "one, and no features"
            )
        _require(
            self.faces is None or self.task is Task.IMAGE, "faces", "an image task, or nothing said of faces"
        )
        _require(
            (self.faces is None) == (not self.faces_reason.strip()),
            "faces_reason",
            'why the faces are needed, with faces = "exempt", and only there',
        )
        _require(1 <= self.rounds <= LONGEST_RUN, "rounds", f"1 to {LONGEST_RUN}")
        epochs = (self.local_epochs.lowest, self.local_epochs.default, self.local_epochs.highest)
        _require(
            all(float(count).is_integer() for count in epochs) and epochs[-1] <= LONGEST_RUN,
            "local_epochs",
            f"whole numbers, no more than {LONGEST_RUN}",
        )
        _require(0 < self.test_fraction < 1, "test_fraction", "a share between 0 and 1, for example 0.3")
        _require(self.minimum_cohort >= FLOOR_COHORT, "minimum_cohort", f"{FLOOR_COHORT} or more")
        _require(0 < self.norm_bound < math.inf, "norm_bound", "a positive number")
        _require(0 <= self.seed < 2**32, "seed", "a whole number below 2³²")
        _require(SHA256.fullmatch(self.app_sha256) is not None, "app_sha256", "64 hexadecimal digits")
        types = [message.message_type for message in self.messages]
        _require(len(set(types)) == len(types), "messages", "each message type once")

    def pin(self, site: str) -> SnapshotPin | None:
        """The snapshot `site` trains on; None if the plan does not name the site."""
        return next((pin for pin in self.sites if pin.site == site), None)

    def message(self, message_type: str) -> MessageShape | None:
        """What a message of that type may carry; None if the plan does not know it."""
        return next((shape for shape in self.messages if shape.message_type == message_type), None)

    def as_document(self) -> dict[str, Any]:
        """The plan as JSON values: what is hashed and signed."""
        document = asdict(self)
        document["expires"] = self.expires.isoformat()
        if self.faces is None:
            # Left out, so that a plan signed before there was the field keeps its hash.
            del document["faces"], document["faces_reason"]
        return document
