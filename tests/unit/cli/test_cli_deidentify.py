"""`federim deidentify`, as a person and a program see it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from typer.testing import CliRunner, Result

from federim.cli.main import app
from federim.model.errors import DisclosureRisk, FederimError

FEDERIM = Path(sys.executable).with_name("federim")


def federim(*words: str | Path) -> Result:
    result = CliRunner().invoke(app, ["deidentify", *map(str, words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A CT, an MR, a file cut short and one that is no DICOM object."""
    folder = tmp_path / "in"
    (folder / "ct").mkdir(parents=True)
    for place, name in (("ct/001.dcm", "CT_small.dcm"), ("002.dcm", "MR_small.dcm")):
        (folder / place).write_bytes(Path(str(get_testdata_file(name))).read_bytes())
    (folder / "003.dcm").write_bytes((folder / "002.dcm").read_bytes()[:4000])
    (folder / "notes.txt").write_text("nothing to see")
    return folder


def test_a_run_tells_its_numbers_as_json(inbox: Path, tmp_path: Path) -> None:
    told = json.loads(federim(inbox, tmp_path / "out", "--json").stdout)
    assert told["files"] == 4
    assert told["fast_path"] + told["reference_path"] == 2
    assert (told["quarantined"], told["ignored"], told["reasons"]) == (1, 1, {"truncated": 1})
    assert told["proof"] == {"checked": 2, "hits": 0}
    assert told["policy"].startswith("research ")
    assert told["key"] == "run"
    assert told["seconds"] > 0


def test_a_run_tells_in_words(inbox: Path, tmp_path: Path) -> None:
    told = federim(inbox, tmp_path / "out").stdout
    assert "2 written" in told
    assert "1 truncated: the file ends before its content does" in told
    assert "give --key-file" in told


def test_side_files_are_written_on_demand(inbox: Path, tmp_path: Path) -> None:
    names = ("uid-map", "patient-map", "quarantine", "retained")
    options = [word for name in names for word in (f"--{name}", tmp_path / f"{name}.csv")]
    federim(inbox, tmp_path / "out", "--key-file", tmp_path / "site.key", *options)
    rows = {name: list(csv.DictReader((tmp_path / f"{name}.csv").read_text().splitlines())) for name in names}
    original = pydicom.dcmread(inbox / "002.dcm")
    clean = pydicom.dcmread(tmp_path / "out" / "002.dcm")
    assert {"id_old": original.PatientID, "id_new": clean.PatientID} in rows["patient-map"]
    assert {"id_old": original.SOPInstanceUID, "id_new": clean.SOPInstanceUID} in rows["uid-map"]
    assert [row["file"] for row in rows["quarantine"]] == ["003.dcm"]
    assert all((tmp_path / f"{name}.csv").stat().st_mode & 0o777 == 0o600 for name in names)


def test_the_same_key_file_gives_the_same_bytes(inbox: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        federim(inbox, tmp_path / name, "--key-file", tmp_path / "site.key")
    for place in ("ct/001.dcm", "002.dcm"):
        assert (tmp_path / "a" / place).read_bytes() == (tmp_path / "b" / place).read_bytes()


def test_the_proof_alone_writes_nothing_and_finds_what_was_put_back(inbox: Path, tmp_path: Path) -> None:
    key = ("--key-file", tmp_path / "site.key")
    federim(inbox, tmp_path / "out", *key)
    before = sorted(tmp_path.rglob("*"))
    told = json.loads(federim(inbox, tmp_path / "out", "--proof", "--json", *key).stdout)
    assert told["proof"] == {"checked": 2, "hits": 0}
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / "out" / "002.dcm").write_bytes((inbox / "002.dcm").read_bytes())
    found = federim(inbox, tmp_path / "out", "--proof", "--json", *key)
    assert found.exit_code == DisclosureRisk.exit_code
    assert json.loads(found.stdout)["proof"] == {"checked": 2, "hits": 1}
    name = str(pydicom.dcmread(inbox / "002.dcm").PatientName)
    assert name.split("^")[0] not in found.stdout


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_policy_explains_itself_without_folders(lang: str) -> None:
    told = json.loads(federim("--explain", "--lang", lang, "--json").stdout)
    assert told["policy"] == "research"
    assert len(told["sentences"]) > 5


def test_an_error_ends_in_one_line_and_its_exit_code(inbox: Path) -> None:
    done = subprocess.run(
        [FEDERIM, "deidentify", inbox, inbox / "out"], capture_output=True, text=True, check=False
    )
    assert done.returncode not in (0, FederimError.exit_code)
    assert len(done.stderr.strip().splitlines()) == 1


def test_folders_are_asked_for() -> None:
    assert federim().exit_code == 2


def test_a_plain_run_imports_no_large_library(tmp_path: Path) -> None:
    """What starts slowly is worth its time only where it is needed."""
    inbox = tmp_path / "in"
    inbox.mkdir()
    (inbox / "1.dcm").write_bytes(Path(str(get_testdata_file("CT_small.dcm"))).read_bytes())
    script = (
        "import sys\nfrom federim.cli.main import app\n"
        f"app(['deidentify', {str(inbox)!r}, {str(tmp_path / 'out')!r}, '--json'], standalone_mode=False)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={**os.environ}
    )
    told, _, modules = done.stdout.partition("\n")
    assert json.loads(told)["fast_path"] == 1
    for large in ("pydicom", "numpy", "pandas", "pyarrow", "duckdb", "django", "pydantic", "rich", "cv2"):
        assert f"'{large}'" not in modules, large
