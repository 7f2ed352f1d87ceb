"""What its source withdrew leaves the lake with all it told, and does not come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.data import get_testdata_file

from federim.audit import trail
from federim.home import Home
from federim.identity.exchange import Exchange
from federim.lake.reader import connect_home, query
from federim.model.identifiers import Ipp, LocalId, PatientIdentity, Subject
from federim_pipelines.items import Reason
from federim_pipelines.run import ingest
from federim_pipelines.withdrawal import Withdrawn, named, withdraw

SERIES = {"1.2.3.1": ("1.2.3.1.1", "1.2.3.1.2"), "1.2.3.2": ("1.2.3.2.1",)}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A study of two series, of two slices and of one."""
    folder = tmp_path / "scans"
    folder.mkdir()
    scan = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    scan.PatientID, scan.StudyInstanceUID = "IPP-7", "1.2.3"
    for series, instances in SERIES.items():
        scan.SeriesInstanceUID = series
        for number, uid in enumerate(instances):
            scan.SOPInstanceUID = scan.file_meta.MediaStorageSOPInstanceUID = uid
            scan.ImagePositionPatient = [0, 0, 5.0 * number]
            scan.save_as(folder / uid)
    return folder


def the_subject(home: Home) -> Subject:
    with Exchange.open(home) as exchange:
        return exchange.learn(PatientIdentity(local=(LocalId(issuer="", value=Ipp("IPP-7")),)))


def take_out(home: Home, instances: list[str]) -> Withdrawn:
    subject = the_subject(home)
    return withdraw(home, subject, named(home, subject, instances), actor="officer")


def count(home: Home, table: str) -> int:
    with connect_home(home) as connection:
        found = query(connection, f"SELECT count(*) AS n FROM {table}", seconds=9)
    return int(found["n"][0].as_py())


def counts(home: Home) -> tuple[int, ...]:
    tables = ("study", "image_occurrence", "instance", "instance_file")
    return (*(count(home, name) for name in tables), len(list(home.objects.rglob("*.dcm"))))


def test_a_series_is_smaller_then_gone_and_its_study_with_the_last(site: Home, scans: Path) -> None:
    ingest(site, [scans])
    assert counts(site) == (1, 2, 3, 3, 3)
    done = take_out(site, ["1.2.3.1.1"])
    assert (done.named, done.instances) == (1, 1)
    assert counts(site) == (1, 2, 2, 2, 2)
    with connect_home(site) as connection:
        series = query(
            connection,
            'SELECT "NumberOfInstances" AS n, "SizeBytes" = size AS fits FROM image_occurrence '
            'JOIN instance_file USING ("SeriesInstanceUID") ORDER BY n',
            seconds=9,
        ).to_pylist()
    assert series == [{"n": 1, "fits": True}] * 2
    take_out(site, ["1.2.3.1.2", "1.2.3.2.1"])
    assert counts(site) == (0, 0, 0, 0, 0)
    assert count(site, "person") == 1


def test_it_is_refused_when_it_comes_again_and_the_rest_is_not(site: Home, scans: Path) -> None:
    ingest(site, [scans])
    take_out(site, ["1.2.3.1.1"])
    again = ingest(site, [scans])
    assert (again.accepted, again.duplicates, again.reasons) == (0, 2, {Reason.WITHDRAWN: 1})
    assert counts(site) == (1, 2, 2, 2, 2)


def test_what_is_withdrawn_before_it_comes_never_enters(site: Home, scans: Path) -> None:
    done = take_out(site, ["1.2.3.1.1"])
    assert done.instances == 0
    report = ingest(site, [scans])
    assert (report.accepted, report.quarantined) == (2, 1)
    assert counts(site) == (1, 2, 2, 2, 2)


def test_the_same_again_changes_nothing_but_the_trail(site: Home, scans: Path) -> None:
    ingest(site, [scans])
    take_out(site, ["1.2.3.1.1"])
    before = counts(site)
    assert take_out(site, ["1.2.3.1.1"]).rows == {}
    assert counts(site) == before


def test_the_trail_counts_and_names_nothing(site: Home, scans: Path) -> None:
    ingest(site, [scans])
    take_out(site, ["1.2.3.1.1"])
    events: list[Any] = [event for event in trail.events(site) if event.act == "images.withdraw"]
    assert [event.detail for event in events] == [{"named": 1, "instances": 1}]
