"""`federim images` and `federim deidentify review`, as a site officer sees them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from typer.testing import CliRunner, Result

from federim.cli.main import app
from federim.home import Home
from federim.model.errors import InputError
from federim_pipelines.run import ingest

Federim = Callable[..., Result]


@pytest.fixture
def hospital(site: Home, tmp_path: Path) -> Home:
    """A site with one slice of a head, and a description that was kept."""
    (tmp_path / "in").mkdir()
    scan = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    scan.BodyPartExamined, scan.SeriesDescription = "HEAD", "axial"
    scan.save_as(tmp_path / "in" / "1")
    ingest(site, [tmp_path / "in"], policy="research")
    return site


@pytest.fixture
def federim(hospital: Home) -> Federim:
    def run(*words: str | Path) -> Result:
        result = CliRunner().invoke(app, ["--home", str(hospital.root), *map(str, words)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def test_a_head_is_listed_exported_defaced_and_listed_no_more(federim: Federim, tmp_path: Path) -> None:
    (series,) = json.loads(federim("images", "held", "--json").stdout)["series"]
    assert federim("images", "held").stdout.split() == [series]
    folder = tmp_path / "out"
    assert "stay at the site" in federim("images", "export", series, "--to", folder).stdout
    (path,) = folder.iterdir()
    scan = pydicom.dcmread(path)
    scan.PixelData = bytes(len(scan.PixelData))
    path.unlink()
    scan.save_as(path)
    told = json.loads(federim("images", "replace", folder, "--json").stdout)
    assert told == {"series": [{"series": series, "instances": 1, "changed": 1}]}
    assert "No series" in federim("images", "held").stdout
    with pytest.raises(InputError, match="no pixel differs"):
        federim("images", "replace", folder)


def texts(federim: Federim, *words: str) -> dict[str, tuple[int, str]]:
    told = json.loads(federim("deidentify", "review", *words, "--json").stdout)["texts"]
    return {
        row["text"]: (row["number"], row["state"]) for row in told if row["attribute"] == "SeriesDescription"
    }


def test_each_retained_text_is_shown_and_decided_of(federim: Federim) -> None:
    assert "SeriesDescription" in federim("deidentify", "review").stdout
    number, state = texts(federim)["axial"]
    assert state == "new"
    assert texts(federim, "--reject", str(number), "--as", "ada")["axial"] == (number, "rejected")
    assert texts(federim, "--all")["axial"] == (number, "rejected")
    assert texts(federim, "--approve", str(number))["axial"] == (number, "approved")
    states = {row["state"] for row in json.loads(federim("deidentify", "review", "--json").stdout)["texts"]}
    assert states == {"approved"}
