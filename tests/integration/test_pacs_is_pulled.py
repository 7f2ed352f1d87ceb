"""Studies of a real PACS come by C-FIND, C-GET and C-MOVE, and a pull repeated fetches what is new."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from orthanc_server import Orthanc, free_port
from pacs_peers import images, pacs, receiver
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from federim.home import Home
from federim.lake.images import read
from federim.lake.reader import connect_home, query
from federim_pipelines.behind import Draining
from federim_pipelines.progress import Silence
from federim_pipelines.sources.pacs.calling import Calling, NoAssociation
from federim_pipelines.sources.pacs.pull import pull as pull_work
from federim_pipelines.sources.pacs.worklist import work_list
from federim_pipelines.spool import Spool

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def port() -> int:
    """Where this module's receivers listen, as the PACS knows."""
    return free_port()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[tuple[Orthanc, int]]:
    """A PACS with three studies of four images, of three days, and its DICOM port."""
    folder = tmp_path_factory.mktemp("pacs")
    with pacs(folder / "orthanc", knows={"FEDERIM": port, "STRANGER": port}) as (orthanc, dicom):
        for path in images(folder / "images", patients=3, a_patient=4):
            orthanc.call("/instances", path.read_bytes())
        yield orthanc, dicom


def pull(home: Home, *options: object, code: int = 0) -> Any:
    """What `federim pull pacs` reports, or complains of."""
    program = Path(sys.executable).with_name("federim")
    command = [program, "--home", home.root, "pull", "pacs", *options, "--workers", "1", "--json"]
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert ended.returncode == code, ended.stderr
    return json.loads(ended.stdout) if code == 0 else ended.stderr


def numbers(report: dict[str, Any]) -> dict[str, int]:
    words = ("found", "already", "pulled", "incomplete", "images", "accepted", "duplicates", "waiting")
    return {word: report[word] for word in words if report[word]}


def instances(home: Home) -> int:
    (row,) = query(connect_home(home), "select count(*) as n from instance", seconds=20).to_pylist()
    count: int = row["n"]
    return count


def test_studies_of_some_days_come_by_c_get_and_the_rest_later(
    site: Home, archive: tuple[Orthanc, int]
) -> None:
    peer = f"PACS@127.0.0.1:{archive[1]}"
    first = pull(site, peer, "--query", "StudyDate=20240301-20240302")
    assert numbers(first) == {"found": 2, "pulled": 2, "images": 8, "accepted": 8}
    again = pull(site, peer, "--query", "StudyDate=20240301-20240302")
    assert numbers(again) == {"found": 2, "already": 2}
    rest = pull(site, peer, "--query", "ModalitiesInStudy=CT", "--associations", "2")
    assert numbers(rest) == {"found": 3, "already": 2, "pulled": 1, "images": 4, "accepted": 4}
    assert instances(site) == 12


def test_a_study_that_grew_is_fetched_again_and_only_what_is_new_enters(
    site: Home, archive: tuple[Orthanc, int], tmp_path: Path
) -> None:
    orthanc, dicom = archive
    asked = (f"PACS@127.0.0.1:{dicom}", "--query", "StudyDate=20240303")
    assert numbers(pull(site, *asked))["accepted"] == 4
    late = images(tmp_path / "late", patients=3, a_patient=5)[-1]
    added = orthanc.call("/instances", late.read_bytes())
    grown = pull(site, *asked)
    subprocess.run(["curl", "-sX", "DELETE", f"{orthanc.url}/instances/{added['ID']}"], check=True)
    assert numbers(grown) == {"found": 1, "pulled": 1, "images": 5, "accepted": 1, "duplicates": 4}


def test_studies_come_by_c_move_to_a_port_of_the_pull(
    site: Home, archive: tuple[Orthanc, int], port: int
) -> None:
    peer = f"PACS@127.0.0.1:{archive[1]}"
    report = pull(site, peer, "--move", "--port", port, "--query", "ModalitiesInStudy=CT")
    assert numbers(report) == {"found": 3, "pulled": 3, "images": 12, "accepted": 12}


def test_studies_come_by_c_move_to_a_receiver_that_listens_already(
    site: Home, archive: tuple[Orthanc, int], port: int
) -> None:
    with receiver(site, port, "--quiet", "0") as listening:
        report = pull(
            site, f"PACS@127.0.0.1:{archive[1]}", "--move", "--query", "StudyDate=20240301-20240303"
        )
        assert numbers(report) == {"found": 3, "pulled": 3, "images": 12}
        assert listening.stop()["received"] == 12


def test_a_work_list_says_what_and_how(site: Home, archive: tuple[Orthanc, int], tmp_path: Path) -> None:
    path = tmp_path / "work.toml"
    path.write_text(
        f'pacs = "PACS@127.0.0.1:{archive[1]}"\naet = "FEDERIM"\n'
        'hours = ["00:00-12:00", "12:00-00:00"]\npause = 0.01\n'
        '[[query]]\nPatientID = "SYN-001"\n[[query]]\nStudyDate = "20240302"\n'
        '[[query]]\nPatientID = "SYN-9"\n'
    )
    report = pull(site, "--work-list", path)
    assert numbers(report) == {"found": 1, "pulled": 1, "images": 4, "accepted": 4}


def test_another_client_can_have_studies_moved_to_the_receiver(
    site: Home, archive: tuple[Orthanc, int], port: int
) -> None:
    with receiver(site, port, "--caller", "PACS") as listening:
        command = ["movescu", "-aet", "CONSOLE", "-aec", "PACS", "-aem", "FEDERIM", "-S"]
        (study, *_) = archive[0].call("/studies?expand")
        keys = ["-k", "0008,0052=STUDY", "-k", f"0020,000D={study['MainDicomTags']['StudyInstanceUID']}"]
        subprocess.run([*command, *keys, "127.0.0.1", str(archive[1])], check=True)
        assert listening.stop()["received"] == 4


def test_what_the_pacs_refuses_is_said_in_words(site: Home, archive: tuple[Orthanc, int]) -> None:
    asked = ("--query", "StudyDate=20240301")
    wrong = pull(site, f"OTHER@127.0.0.1:{archive[1]}", *asked, code=4)
    assert "rejected: its AE title is another" in wrong
    nobody = pull(site, f"PACS@127.0.0.1:{free_port()}", *asked, code=4)
    assert "nobody answers" in nobody


def test_a_pacs_that_sends_nothing_is_left_alone_and_what_came_is_kept(
    site: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("federim_pipelines.sources.pacs.pull.SECONDS_BEFORE_AGAIN", (0.0,))
    with pacs(tmp_path / "orthanc", knows={}, gets=False) as (orthanc, dicom):
        for path in images(tmp_path / "images", patients=7, a_patient=1):
            orthanc.call("/instances", path.read_bytes())
        work = work_list(
            pacs=f"PACS@127.0.0.1:{dicom}", aet="FEDERIM", query=[{"StudyDate": "20240301-20240307"}]
        )
        with pytest.raises(NoAssociation, match="of 5 studies in a row nothing was sent"):
            pull_work(site, work, Calling(work.aet, work.peer), Draining(), Silence())
    assert Spool(site, "pacs").waiting == []


def test_objects_come_as_the_pacs_has_them_compressed(site: Home, tmp_path: Path) -> None:
    syntaxes = {JPEG2000Lossless, JPEGLSLossless, RLELossless}
    with pacs(tmp_path / "orthanc", knows={}) as (orthanc, dicom):
        for path, syntax in zip(images(tmp_path / "images", patients=1, a_patient=3), syntaxes, strict=True):
            dataset = dcmread(path)
            dataset.compress(syntax, generate_instance_uid=False)
            dataset.save_as(path)
            orthanc.call("/instances", path.read_bytes())
        report = pull(site, f"PACS@127.0.0.1:{dicom}", "--query", "StudyDate=20240301")
    assert numbers(report) == {"found": 1, "pulled": 1, "images": 3, "accepted": 3}
    rows = query(connect_home(site), "select path from instance_file", seconds=20).to_pylist()
    assert {dcmread(read(site, row["path"])).file_meta.TransferSyntaxUID for row in rows} == syntaxes
