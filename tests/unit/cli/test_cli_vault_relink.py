"""`federim vault relink`, for whoever does not wait for the next ingest."""

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
from federim.identity.exchange import Exchange
from federim.model.errors import LakeError
from federim.model.identifiers import IdentityStatus, Ins, Ipp, LocalId, NationalId, PatientIdentity
from federim_pipelines.run import ingest

Federim = Callable[..., Result]


@pytest.fixture
def hospital(site: Home, tmp_path: Path) -> Home:
    """A site with one slice of somebody whose INS has just come."""
    (tmp_path / "in").mkdir()
    scan = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    scan.PatientID, scan.IssuerOfPatientID = "IPP-1", None
    scan.save_as(tmp_path / "in" / "1")
    ingest(site, [tmp_path / "in"])
    ins = NationalId(oid="1.2.250.1.213.1.4.8", value=Ins("261049999910124"), status=IdentityStatus.QUALIFIED)
    with Exchange.open(site) as exchange:
        exchange.learn(PatientIdentity(local=(LocalId(issuer="", value=Ipp("IPP-1")),), national=ins))
    return site


@pytest.fixture
def federim(hospital: Home) -> Federim:
    def run(*words: str | Path) -> Result:
        result = CliRunner().invoke(app, ["--home", str(hospital.root), *map(str, words)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def test_whoever_waits_is_rewritten_once(federim: Federim) -> None:
    told = json.loads(federim("vault", "relink", "--json").stdout)
    assert (told["persons"], told["objects"], told["left"]) == (1, 1, 0)
    assert told["rows"] >= 5
    again = json.loads(federim("vault", "relink", "--json").stdout)
    assert set(again.values()) == {0}


def test_it_says_so_in_a_sentence(federim: Federim) -> None:
    assert "1 persons have one name now" in federim("vault", "relink").stdout


def test_a_missing_object_leaves_its_person_for_later(hospital: Home, federim: Federim) -> None:
    [path] = hospital.objects.rglob("*.dcm")
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(LakeError, match="1 persons still have two names"):
        federim("vault", "relink", "--json")
    path.write_bytes(content)
    assert json.loads(federim("vault", "relink", "--json").stdout)["persons"] == 1


def test_an_ingest_goes_on_though_a_link_must_wait(hospital: Home, tmp_path: Path) -> None:
    [path] = hospital.objects.rglob("*.dcm")
    path.unlink()
    other = tmp_path / "other"
    other.mkdir()
    scan = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    scan.PatientID = "IPP-2"
    scan.SOPInstanceUID = scan.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    scan.save_as(other / "2")
    assert ingest(hospital, [other]).accepted == 1
    with Exchange.open(hospital) as exchange:
        assert len(exchange.rewritings()) == 1
