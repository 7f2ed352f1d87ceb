"""The fast path and the reference path write the same elements and the same pixels, or the same refusal."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_datasets import files as made_files

from federim.model.identifiers import Pseudonym, Subject
from federim_pipelines.deidentify.cleaned import Cleaned
from federim_pipelines.deidentify.header import Attributes
from federim_pipelines.deidentify.instance import Deidentifier
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.sources.sniff import HEAD_BYTES, Kind, sniff

POLICIES = ("research", "basic", "longitudinal-full-dates", "strict")
SUBJECT = Subject(
    person_id=Pseudonym("5eed" * 8), linked=False, date_shift_days=-100, uid_key=bytes(range(32))
)
# Files whose pixels are read for words take the reference path either way, and a second a picture.
READ_FOR_WORDS = ("US", "ES", "SC", "XC", "OT", "GM", "OP", "SM")


def _subject(_: Attributes) -> Subject:
    return SUBJECT


def _dicom(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                if sniff(file.read(HEAD_BYTES)) is Kind.DICOM:
                    yield path


def _bytes(cleaned: Cleaned, scratch: Path) -> bytes:
    descriptor = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        cleaned.write(descriptor)
    finally:
        os.close(descriptor)
    content = scratch.read_bytes()
    assert len(content) == cleaned.size
    return content


def _compare(fast: Deidentifier, reference: Deidentifier, path: Path, scratch: Path) -> bool:
    """Whether the fast path was taken; fails where it tells another truth."""
    try:
        with fast.file(path) as cleaned:
            if not cleaned.fast:
                return False
            ours, retained = _bytes(cleaned, scratch), cleaned.retained
    except Unusable as refusal:
        with pytest.raises(Unusable) as refused:
            reference.file(path)
        assert (refused.value.reason, refused.value.detail) == (refusal.reason, refusal.detail)
        return False
    with reference.file(path) as cleaned:
        theirs = _bytes(cleaned, scratch)
        assert cleaned.retained == retained
    if ours != theirs:
        one, other = pydicom.dcmread(BytesIO(ours)), pydicom.dcmread(BytesIO(theirs))
        assert one.file_meta == other.file_meta
        assert [element.tag for element in one] == [element.tag for element in other]
        for element in one:
            assert element == other[element.tag], element.tag
    return True


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=made_files(), name=st.sampled_from(POLICIES))
def test_any_dataset(content: bytes, name: str) -> None:
    fast, reference = _deidentifiers(name)
    outcomes = []
    for deidentifier in (fast, reference):
        try:
            with deidentifier.content(content) as cleaned, tempfile.TemporaryFile() as file:
                cleaned.write(file.fileno())
                file.seek(0)
                outcomes.append((file.read(), cleaned.retained))
        except Unusable as refusal:
            outcomes.append((refusal.reason, refusal.detail))
    assert outcomes[0] == outcomes[1]


@cache
def _deidentifiers(name: str) -> tuple[Deidentifier, Deidentifier]:
    policy = load_policy(name)
    return Deidentifier(policy, _subject), Deidentifier(policy, _subject, fast=False)


@pytest.mark.parametrize("name", POLICIES)
def test_every_file_that_pydicom_brings(name: str, tmp_path: Path) -> None:
    fast, reference = _deidentifiers(name)
    taken = 0
    for path in _dicom(Path(str(files("pydicom"))) / "data"):
        if not _is_read(path):
            taken += _compare(fast, reference, path, tmp_path / "out")
    assert taken > 25


@pytest.mark.parametrize("name", POLICIES)
def test_every_real_file(name: str, shared_data: Path, tmp_path: Path) -> None:
    fast, reference = _deidentifiers(name)
    taken = sum(
        _compare(fast, reference, path, tmp_path / "out")
        for path in _dicom(shared_data)
        if not _is_read(path)
    )
    assert taken > 300


def _is_read(path: Path) -> bool:
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=["Modality"])
        return str(header.get("Modality")) in READ_FOR_WORDS
    except Exception:
        return False
