"""What reads an annotation object as the pipelines do: from its de-identified file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from annotation_objects import written
from pydicom import Dataset

from federim.keys import keyed
from federim.model.identifiers import Subject
from federim_pipelines.codes.codebook import Codebook
from federim_pipelines.deidentify.instance import Deidentifier
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.uids import keyed_uid
from federim_pipelines.extract.annotations import rows_of

Rows = list[dict[str, Any]]
KEY = keyed(b"k", "an object")[:16]


@pytest.fixture
def uid(someone: Subject) -> Callable[[str], str]:
    """What the lake calls an object of that UID."""
    return lambda original: keyed_uid(someone.uid_key, original)


@pytest.fixture
def rows(someone: Subject, site: Any, tmp_path: Path) -> Callable[..., Rows]:
    """The rows of one object, or of a file that holds one, once it is de-identified under `research`."""
    cleaner = Deidentifier(load_policy("research"), lambda header: someone)

    def read(made: Dataset | Path) -> Rows:
        source = written(made, tmp_path / "made.dcm") if isinstance(made, Dataset) else made
        clean = tmp_path / "clean.dcm"
        with cleaner.file(source) as cleaned:
            descriptor = os.open(clean, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                cleaned.write(descriptor)
            finally:
                os.close(descriptor)
            kind = str(cleaned.clean.get("SOPClassUID"))
        found = rows_of(kind, clean, someone, KEY, Codebook.open(site))
        return [row for _, row in found]

    return read
