"""A clean object given another subject is, byte for byte, what its original gives under that subject."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_datasets import files as made_files
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from two_subjects import NEW, OLD, RECORD_KEY

from federim.model.errors import LakeError
from federim.model.identifiers import Subject
from federim_pipelines.deidentify.dispositions import Dispositions
from federim_pipelines.deidentify.file_format import encode
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
MakeDataset = Callable[..., Dataset]

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


def _rich(dataset: Dataset) -> Dataset:
    """Everything that hangs on the subject, at the root, in items, and in private blocks of both."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, "1.2.3.4.1"
    for each in (dataset, item):
        block = each.private_block(0x0009, "GEMS_PETD_01", create=True)
        block.add_new(0x0D, "DT", "20240229101500")
        each.private_block(0x0099, "NQHeader", create=True).add_new(0x02, "UI", "1.2.3.4.1")
    dataset.ReferencedImageSequence = Sequence([item])
    dataset.ContentLabel = "DUPONT"  # a name that somebody typed
    dataset.AcquisitionDateTime = "202402"
    dataset.SeriesDate, dataset.ContentDate = "18000101", "18000201"
    dataset.DateOfLastCalibration = "20240101"
    return dataset


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "reference"])
@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
    ids=["implicit", "explicit", "big-endian", "deflated"],
)
def test_an_object_in_every_encoding(make_dataset: MakeDataset, syntax: UID, fast: bool) -> None:
    dataset = _rich(make_dataset())
    dataset.file_meta.TransferSyntaxUID = syntax
    assert _holds("research", encode(dataset), fast=fast)
    for subject in (OLD, NEW):
        written = _bytes(_cleaner("research", subject, fast)[0].content(encode(dataset)))
        made = pydicom.dcmread(BytesIO(written))
        day = dt.date(2024, 2, 29) + dt.timedelta(days=subject.date_shift_days)
        assert f"{day:%Y%m%d}101500" in str(made[0x0009, 0x100D].value)
        assert str(made.SOPInstanceUID) in str(made[0x0099, 0x1002].value)
        assert made.ContentLabel not in ("", "DUPONT")


def test_more_uids_than_their_vr_holds_are_keyed_anew_too(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(RelatedGeneralSOPClassUID=None)
    dataset.FailedSOPInstanceUIDList = [f"1.2.3.{number}" for number in range(4000)]
    assert _holds("research", encode(dataset), fast=False)


def test_what_is_no_object_is_refused_without_its_words(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="stored object") as refused:
        _rekeyed(b"Quetzalcoatl" * 100, {})
    assert "Quetzal" not in str(refused.value)


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
