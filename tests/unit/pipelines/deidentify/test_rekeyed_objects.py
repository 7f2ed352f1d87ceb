"""A clean object given another subject is, byte for byte, what its original gives under that subject."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_datasets import files as made_files
from two_subjects import NEW, OLD, RECORD_KEY

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.dispositions import Dispositions
from federim_pipelines.deidentify.instance import Deidentifier
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.private import PrivateRules
from federim_pipelines.deidentify.reading import Source
from federim_pipelines.deidentify.rekey import Rekey
from federim_pipelines.deidentify.spliced import Spliced
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.keying import Originals
from federim_pipelines.rekeying import Rekeying
from federim_pipelines.sources.sniff import HEAD_BYTES, Kind, sniff

# Files whose pixels are read for words take a second a picture, and none of it hangs on the subject.
READ_FOR_WORDS = ("US", "ES", "SC", "XC", "OT", "GM", "OP", "SM")
POLICIES = ("research", "basic", "strict")
RULES = PrivateRules(Dispositions())


@cache
def _cleaner(name: str, subject: Subject, fast: bool) -> tuple[Deidentifier, Originals]:
    originals = Originals()
    policy = load_policy(name)
    return Deidentifier(policy, lambda _: subject, fast=fast, originals=originals), originals


@cache
def _told(name: str, fast: bool) -> dict[str, str]:
    """What the cleaner's keyed values stand for, all files together."""
    return {}


def _bytes(spliced: Spliced) -> bytes:
    with spliced, tempfile.TemporaryFile() as file:
        spliced.write(file.fileno())
        file.seek(0)
        return file.read()


def _cleaned(name: str, content: bytes, fast: bool) -> tuple[bytes, bytes, Mapping[str, str]] | None:
    """A file under the old subject and under the new; what the old keyed values stand for."""
    cleaner, originals = _cleaner(name, OLD, fast)
    try:
        before = _bytes(cleaner.content(content))
        after = _bytes(_cleaner(name, NEW, fast)[0].content(content))
    except Unusable:
        return None
    finally:
        _told(name, fast).update(originals.take().get(OLD.person_id, {}))
    return before, after, _told(name, fast)


def _rekeyed(content: bytes, told: Mapping[str, str]) -> bytes:
    change = Rekeying(old=OLD, new=NEW, originals=told, record_key=RECORD_KEY)
    return _bytes(Rekey(change, RULES).object(Source(content=content)))


def _holds(name: str, content: bytes, *, fast: bool) -> bool:
    cleaned = _cleaned(name, content, fast)
    if cleaned is None:
        return False
    before, after, told = cleaned
    assert before != after
    assert _rekeyed(before, told) == after
    return True


def _dicom(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                if sniff(file.read(HEAD_BYTES)) is not Kind.DICOM:
                    continue
            if not _is_read(path):
                yield path.read_bytes()


def _is_read(path: Path) -> bool:
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=["Modality"])
        return str(header.get("Modality")) in READ_FOR_WORDS
    except Exception:
        return False


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=made_files(), name=st.sampled_from(POLICIES), fast=st.booleans())
def test_any_object_is_given_another_subject(content: bytes, name: str, fast: bool) -> None:
    _holds(name, content, fast=fast)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("fast", [True, False], ids=["fast", "reference"])
def test_every_object_that_pydicom_brings(name: str, fast: bool) -> None:
    held = [_holds(name, each, fast=fast) for each in _dicom(Path(str(files("pydicom"))) / "data")]
    assert sum(held) > 25


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "reference"])
def test_every_real_object(fast: bool, shared_data: Path) -> None:
    held = [_holds("research", each, fast=fast) for each in _dicom(shared_data)]
    assert sum(held) > 300
