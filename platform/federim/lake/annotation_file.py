"""Read from TOML what a model drew and measured on a series, as it is to be written for a PACS."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from federim.model.errors import InputError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Concept(_Part):
    """A coded concept, its scheme a designator of DICOM PS3.16, table 8-1."""

    scheme: str = Field(min_length=1, max_length=16)
    value: str = Field(min_length=1, max_length=16)
    meaning: str = Field(min_length=1, max_length=64)


class Segment(_Part):
    """What the voxels of one number in the mask are."""

    label: str = Field(min_length=1, max_length=64)
    category: Concept
    type: Concept
    region: Concept | None = None
    tracking: str = ""  # name of what is tracked from one study to the next


class Measurement(_Part):
    """A number, its unit in UCUM; `derivation` says how it was made of many."""

    concept: Concept
    value: float = Field(allow_inf_nan=False)
    unit: str = Field(min_length=1, max_length=16)
    derivation: Concept | None = None


class Finding(_Part):
    """A group of measurements of one thing: of a segment, of images, or of the whole series."""

    tracking: str = Field(min_length=1, max_length=64)
    finding: Concept | None = None
    site: Concept | None = None
    segment: int | None = None
    images: tuple[str, ...] = ()  # SOPInstanceUIDs, as the lake knows them
    measurements: tuple[Measurement, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.segment is not None and self.images:
            raise ValueError("expected a segment or images, not both")
        return self


class Annotation(_Part):
    """What one algorithm found in one series. Segments are numbered from 1, as they stand."""

    algorithm: str = Field(min_length=1, max_length=64)
    version: str = Field(min_length=1, max_length=64)
    segments: tuple[Segment, ...] = ()
    findings: tuple[Finding, ...] = ()

    @model_validator(mode="after")
    def _finds_something(self) -> Self:
        if not self.segments and not self.findings:
            raise ValueError("expected at least one of segments, findings")
        for place, finding in enumerate(self.findings, start=1):
            if finding.segment is not None and not 1 <= finding.segment <= len(self.segments):
                raise ValueError(f"findings {place}: segment is none of the {len(self.segments)} there are")
        return self


def load(path: Path) -> Annotation:
    """The annotation that a file describes.

    Raises
    ------
    InputError
        No such file, not TOML, or a setting that is unknown, missing or unusable; the message names it.
    """
    try:
        return Annotation.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"annotation {path.name}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"annotation {path.name} is not valid TOML ({type(error).__name__})") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InputError(f"annotation {path.name}, {where}: {first['msg']}") from None
