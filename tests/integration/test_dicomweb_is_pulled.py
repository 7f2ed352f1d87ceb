"""Orthanc's DICOMweb is pulled whole, though the pull is killed twice: nothing is lost, nothing doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from orthanc_server import ORTHANC, Orthanc, free_port
from pacs_peers import images, wait_for

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim_pipelines.behind import Draining
from federim_pipelines.sources.dicomweb.pull import pull
from federim_pipelines.sources.dicomweb.search import Search
from federim_pipelines.sources.web.access import Access
from federim_pipelines.sources.web.server import Server
from federim_pipelines.spool import Spool

pytestmark = pytest.mark.integration

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@pytest.fixture(scope="module")
def dicomweb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an Orthanc with 300 slices of 10 patients."""
    if not (ORTHANC.exists() and PLUGIN.exists()):
        pytest.fail("Orthanc or its DICOMweb plugin is not installed; run `make integration`, which does it")
    folder = tmp_path_factory.mktemp("dicomweb")
    port = free_port()
    settings = {
        "Name": "Federim test",
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([str(ORTHANC), str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:
        wait_for(port, server)
        orthanc = Orthanc(f"http://127.0.0.1:{port}")
        for path in images(folder / "images", patients=10, a_patient=30):
            assert orthanc.call("/instances", path.read_bytes())["Status"] == "Success"
        yield f"{orthanc.url}/dicom-web"
    finally:
        server.terminate()
        server.wait(timeout=30)


def row(home: Home, sql: str) -> dict[str, Any]:
    with connect_home(home) as connection:
        return dict(query(connection, sql, seconds=30).to_pylist()[0])


def whole(home: Home) -> dict[str, Any]:
    return row(
        home,
        'SELECT count(*) AS rows, count(DISTINCT "SOPInstanceUID") AS instances, '
        'count(DISTINCT "SeriesInstanceUID") AS series, count(DISTINCT person_id) AS persons FROM instance',
    )


def test_pages_and_queries_are_as_orthanc_understands_them(dicomweb: str) -> None:
    with Server(dicomweb, Access()) as server:
        every = [found.uid for found in Search(server, page=5).studies({})]
        assert len(every) == len(set(every)) == 10
        [one] = Search(server).studies({"PatientID": "SYN-003"})
        [series] = Search(server).series(one.uid)
        assert len(list(Search(server, page=10).instances(one.uid, series.uid))) == 30
        assert list(Search(server).studies({"ModalitiesInStudy": "MR"})) == []


def test_what_was_pulled_is_what_orthanc_has_and_comes_once(site: Home, dicomweb: str) -> None:
    with Server(dicomweb, Access()) as server:
        done, drained = pull(site, server, {"StudyDate": "20240301-20240304"}, draining=Draining())
        assert (done.studies, done.series, done.instances) == (4, 4, 120)
        assert drained.as_json()["accepted"] == 120
        done, _ = pull(site, server, {}, draining=Draining())
        assert (done.studies, done.series, done.instances) == (10, 6, 180)
    assert whole(site) == {"rows": 300, "instances": 300, "series": 10, "persons": 10}


def test_a_pull_killed_twice_loses_and_doubles_nothing(make_home: Callable[..., Home], dicomweb: str) -> None:
    home = make_home()
    command = [Path(sys.executable).with_name("federim"), "--home", home.root, "pull", "dicomweb", dicomweb]
    spool = Spool(home, "dicomweb")
    for at_least in (40, 130):
        with subprocess.Popen(
            [*map(str, command), "--json"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as pulling:
            while pulling.poll() is None and len(spool.waiting) < at_least:
                time.sleep(0.01)
            assert pulling.poll() is None, "it ended before it could be killed"
            os.kill(pulling.pid, signal.SIGKILL)
        assert at_least <= len(spool.waiting) < 300
    last = subprocess.run([*map(str, command), "--json"], capture_output=True, check=True)
    told = json.loads(last.stdout)
    assert told["instances"] < 300
    assert told["ingest"]["duplicates"] == told["ingest"]["quarantined"] == 0
    assert whole(home) == {"rows": 300, "instances": 300, "series": 10, "persons": 10}
    assert (spool.waiting, spool.kept) == ([], [])
