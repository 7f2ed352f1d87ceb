"""Folder and file names keep what says nothing, and are made anew where they may say who."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from federim_pipelines.deidentify.text.cleaner import TextCleaner
from federim_pipelines.deidentify.text.names import neutral_name
from federim_pipelines.deidentify.text.own_values import OwnValues

KEY = bytes(range(32))


@pytest.fixture
def cleaner() -> TextCleaner:
    header = Dataset()
    header.PatientName, header.PatientID = "Dupont^Series", "1234"
    return TextCleaner(OwnValues.of(header))


@pytest.mark.parametrize(
    "name",
    ["IM0001", "IMG0001.dcm", "DICOM", "CT", "STUDY_1", "t1_sag.IMA", "001", "CT thorax 3", "DICOMDIR"],
)
def test_a_name_that_says_nothing_stays(cleaner: TextCleaner, name: str) -> None:
    assert neutral_name(name, cleaner, KEY) == name


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("DUPONT", ""),
        ("DUPONT_CT.dcm", ".dcm"),
        ("SERIES2.dcm", ".dcm"),  # the patient's first name
        ("IM1234", ""),
        ("1.2.840.113619.2.1.dcm", ".dcm"),
        ("IM00000012.DCM", ".DCM"),
        ("20240312", ""),
        ("2024", ""),
        ("IM1.dupont", ""),
        ("IM1.15", ""),
        (".dcm", ""),
        ("胸部", ""),
    ],
)
def test_any_other_name_is_made_anew(cleaner: TextCleaner, name: str, extension: str) -> None:
    made = neutral_name(name, cleaner, KEY)
    assert re.fullmatch("[a-z2-7]{16}" + re.escape(extension), made)
    assert made == neutral_name(name, cleaner, KEY)
    assert made != neutral_name(name, cleaner, bytes(32))


@given(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=40))
def test_no_name_leads_out_of_its_folder(name: str) -> None:
    made = neutral_name(name, TextCleaner(OwnValues()), KEY)
    assert made not in (".", "..") and "/" not in made and made.strip()
