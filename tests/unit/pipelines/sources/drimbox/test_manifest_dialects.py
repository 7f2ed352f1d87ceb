"""A manifest is read in both dialects, and what is none is refused by the attribute it lacks."""

from __future__ import annotations

import datetime as dt
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_manifests import INS, NIR, manifest

from federim.model.errors import InputError
from federim.model.identifiers import IdentityStatus
from federim_pipelines.sources.drimbox.manifest import Dialect, read_manifest

EVIDENCE = {"1.2.3": {"1.2.3.1": ["1.2.3.1.1", "1.2.3.1.2"], "1.2.3.2": ["1.2.3.2.1"]}}
URL = "https://drimbox.nord.example/drimbox"
GOOD = manifest(EVIDENCE, url=URL)


def without(keyword: str, content: bytes = GOOD) -> bytes:
    dataset = pydicom.dcmread(BytesIO(content))
    del dataset[keyword]
    changed = BytesIO()
    dataset.save_as(changed)
    return changed.getvalue()


def test_the_french_dialect_says_where_each_series_is() -> None:
    read = read_manifest(GOOD)
    assert (read.dialect, read.title, read.rejects) == (Dialect.DRIMBOX, "113030", False)
    [study] = read.studies
    assert [series.RetrieveURL for series in study.series] == [
        f"{URL}/studies/1.2.3/series/1.2.3.1",
        f"{URL}/studies/1.2.3/series/1.2.3.2",
    ]
    assert read.instances == ("1.2.3.1.1", "1.2.3.1.2", "1.2.3.2.1")


def test_the_european_dialect_names_a_location() -> None:
    read = read_manifest(manifest(EVIDENCE, location="1.2.40.0.34"))
    assert read.dialect is Dialect.XT_EHR
    [study] = read.studies
    assert {(one.RetrieveLocationUID, one.Modality, one.RetrieveURL) for one in study.series} == {
        ("1.2.40.0.34", "CT", None)
    }


def test_the_ins_of_a_manifest_is_qualified_and_never_shown() -> None:
    read = read_manifest(GOOD)
    assert read.identity is not None
    assert read.identity.national is not None
    assert (read.identity.national.oid, read.identity.national.value) == (NIR, INS)
    assert read.identity.national.status is IdentityStatus.QUALIFIED
    assert INS not in repr(read)
    assert "KERVADEC" not in repr(read)


@pytest.mark.parametrize(
    ("title", "rejects"),
    [
        ("113030", False),
        ("113000", False),
        ("113001", True),
        ("113037", True),
        ("113038", True),
        ("113039", True),
    ],
)
def test_a_rejection_note_takes_back_what_it_names(title: str, rejects: bool) -> None:
    assert read_manifest(manifest(EVIDENCE, title=title, url=URL)).rejects is rejects


def test_the_time_it_was_written_is_in_one_zone() -> None:
    dataset = pydicom.dcmread(BytesIO(GOOD))
    dataset.TimezoneOffsetFromUTC, dataset.ContentTime = "+0200", "1430"
    content = BytesIO()
    dataset.save_as(content)
    assert read_manifest(content.getvalue()).written == dt.datetime(2026, 3, 1, 12, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "keyword",
    [
        "SOPClassUID",
        "SOPInstanceUID",
        "ConceptNameCodeSequence",
        "CurrentRequestedProcedureEvidenceSequence",
        "ContentDate",
    ],
)
def test_what_lacks_an_attribute_is_refused_by_its_name(keyword: str) -> None:
    with pytest.raises(InputError, match=keyword) as error:
        read_manifest(without(keyword))
    assert INS not in str(error.value)


def test_a_manifest_without_a_patient_is_read_and_has_no_identity() -> None:
    content = without("PatientID", without("IssuerOfPatientID"))
    assert read_manifest(content).identity is None


@given(cut=st.integers(min_value=0, max_value=len(GOOD) - 1))
def test_a_manifest_cut_short_is_read_or_refused_and_raises_nothing_else(cut: int) -> None:
    try:
        read = read_manifest(GOOD[:cut])
    except InputError as error:
        assert INS not in str(error)
    else:
        assert set(read.instances) <= {"1.2.3.1.1", "1.2.3.1.2", "1.2.3.2.1"}


def test_every_real_manifest_is_read(shared_data: Path) -> None:
    read = {
        path.name: read_manifest(path.read_bytes())
        for path in [shared_data / "drimbox/kos.dcm", *(shared_data / "hl7eu-kos").glob("*.dcm")]
    }
    told = {
        name: (
            one.dialect.value,
            one.title,
            sum(len(study.series) for study in one.studies),
            len(one.instances),
        )
        for name, one in read.items()
    }
    assert told == {
        "kos.dcm": ("drimbox", "113030", 1, 1),
        "1.2.826.0.1.3680043.2.1043.693076.0.66982.83.3.1.dcm": ("xt-ehr", "113030", 1, 2),
        "1.3.12.2.1107.5.8.2.100041.2024082003211020554540005234.1.dcm": ("xt-ehr", "113030", 2, 2),
        "GK17285-KOS.dcm": ("xt-ehr", "113000", 1, 1),
    }
    french = read["kos.dcm"].identity
    assert french is not None
    assert french.national is not None
    assert (
        french.national.oid == "1.2.250.1.213.1.4.10"
    )  # the test authority, whatever its issuer's name says
