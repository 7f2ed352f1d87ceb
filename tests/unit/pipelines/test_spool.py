"""The spool loses nothing: neither half a file, nor one the lake has not settled."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim.lake.tables import Lake
from federim.model.errors import LakeError, StorageFull
from federim_pipelines import spool as spooling
from federim_pipelines.locate import locate
from federim_pipelines.spool import Spool

CT = Path(get_testdata_file("CT_small.dcm")).read_bytes()
NAME = "5eed" * 8


def everything_in(home: Home) -> list[Path]:
    return [path for path in home.spool.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_an_object_has_its_name_only_once_it_is_whole(site: Home) -> None:
    spool = Spool(site, "dicom")
    with spool.writing(NAME) as file:
        file.write(CT)
        assert not spool.holds(NAME)
        assert spool.waiting == []
    assert spool.holds(NAME)
    assert spool.waiting == [NAME]


def test_an_exception_leaves_nothing(site: Home) -> None:
    spool = Spool(site, "dicom")
    with pytest.raises(ConnectionError), spool.writing(NAME) as file:
        file.write(CT)
        raise ConnectionError
    assert everything_in(site) == []


def test_only_the_owner_can_look(site: Home) -> None:
    spool = Spool(site, "dicom")
    with spool.writing(NAME) as file:
        file.write(CT)
    for path in [site.spool, *site.spool.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_name_that_could_be_a_patients_is_refused(site: Home) -> None:
    spool = Spool(site, "dicom")
    with pytest.raises(ValueError, match="keyed digest"), spool.writing("1.2.840.113619.2.5") as file:
        file.write(CT)
    assert everything_in(site) == []


def test_the_same_parts_have_one_name_at_one_site_and_source(site: Home) -> None:
    dicom, hl7 = Spool(site, "dicom"), Spool(site, "hl7")
    assert dicom.named("1.2.3") == Spool(site, "dicom").named("1.2.3")
    assert len({dicom.named("1.2.3"), dicom.named("1.2.4"), dicom.named("1.2", "3"), hl7.named("1.2.3")}) == 4
    with hl7.writing(hl7.named("1.2.3", suffix=".hl7")) as file:
        file.write(b"MSH")
    assert hl7.waiting == [hl7.named("1.2.3", suffix=".hl7")]


def test_the_room_the_lake_needs_is_not_taken(site: Home) -> None:
    spool = Spool(site, "dicom", reserve=1 << 60)
    with pytest.raises(StorageFull, match="kept for the lake"), spool.writing(NAME):
        pytest.fail("there was no room")
    assert everything_in(site) == []


def test_nor_by_an_object_that_does_not_end(site: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling, "BYTES_BETWEEN_LOOKS", 1 << 16)
    spool = Spool(site, "dicom", reserve=0)
    with pytest.raises(StorageFull, match="kept for the lake"), spool.writing(NAME) as file:
        monkeypatch.setattr(spool, "_reserve", 1 << 60)
        while True:
            file.write(bytes(1024))
    assert everything_in(site) == []


def kill_while_writing(home: Home) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from federim.home import Home\n"
        "from federim_pipelines.spool import Spool\n"
        "with Spool(Home.open(Path(sys.argv[1])), 'dicom').writing('5eed' * 8) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(home.root)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(everything_in(home)) == 1


def test_what_a_killed_writer_left_goes_with_the_next_drain(site: Home) -> None:
    kill_while_writing(site)
    assert Spool(site, "dicom").drain() is None
    assert everything_in(site) == []


def test_or_with_the_next_writer(site: Home) -> None:
    kill_while_writing(site)
    with Spool(site, "dicom").unfinished():
        assert everything_in(site) == []


def test_what_is_being_written_stays_whoever_drains_or_writes_besides(site: Home) -> None:
    spool = Spool(site, "dicom")
    with spool.writing(NAME) as file:
        file.write(CT)
        assert Spool(site, "dicom").drain() is None
        with Spool(site, "dicom").unfinished():
            assert len(everything_in(site)) == 1
    assert spool.waiting == [NAME]


def test_nothing_to_drain_is_no_run(site: Home) -> None:
    assert Spool(site, "dicom").drain() is None
    assert Lake(site).files("run") == []


def test_what_the_lake_has_leaves_the_spool_and_what_it_refused_is_kept_where_it_is_found(site: Home) -> None:
    spool = Spool(site, "dicom")
    for name, content in ((NAME, CT), ("f00d" * 8, b"nothing that is known"), ("beef" * 8, CT)):
        with spool.writing(name) as file:
            file.write(content)
    report = spool.drain()
    assert report is not None
    assert (report.accepted, report.duplicates, report.quarantined) == (1, 1, 1)
    assert spool.waiting == []
    assert spool.kept == ["f00d" * 8]
    (found,) = locate(site, [spool.refused])
    assert found.same
    assert found.item.path == spool.refused / ("f00d" * 8)


def test_a_drain_takes_no_more_than_it_is_told(site: Home) -> None:
    spool = Spool(site, "dicom")
    for digit in "abcde":
        with spool.writing(digit * 32) as file:
            file.write(CT)
    left = []
    while (report := spool.drain(batch=2)) is not None:
        assert report.read <= 2
        left.append(len(spool.waiting))
    assert left == [3, 1, 0]


def test_an_object_that_comes_again_while_it_is_read_waits_for_its_turn(site: Home) -> None:
    spool = Spool(site, "dicom")
    with spool.writing(NAME) as file:
        file.write(CT)
    with Lake(site).writing(), pytest.raises(LakeError):
        spool.drain()  # moved, and read by nobody
    with spool.writing(NAME) as file:
        file.write(CT + bytes(2))
    assert spool.waiting == [NAME, NAME]
    assert spool.drain() is not None
    assert spool.waiting == [NAME]
    spool.drain()
    assert spool.waiting == []


def test_a_drain_that_is_killed_is_done_again_and_adds_nothing_twice(site: Home) -> None:
    spool = Spool(site, "dicom")
    with spool.writing(NAME) as file:
        file.write(CT)
    program = (
        "import os, signal, sys; from pathlib import Path; from federim.home import Home\n"
        "from federim_pipelines import spool\n"
        "spool.Spool._settled = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "spool.Spool(Home.open(Path(sys.argv[1])), 'dicom').drain()\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(site.root)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert spool.waiting == [NAME]
    report = spool.drain()
    assert report is not None
    assert (report.accepted, report.duplicates) == (0, 1)
    assert spool.waiting == []
    held = query(connect_home(site), "select count(*) as n from instance", seconds=20).to_pylist()
    assert held == [{"n": 1}]


def test_an_index_of_a_disc_is_passed_over_and_not_lost(site: Home) -> None:
    spool = Spool(site, "dicom")
    with spool.writing(NAME) as file:
        file.write(Path(get_testdata_file("DICOMDIR")).read_bytes())
    report = spool.drain()
    assert report is not None
    assert (report.read, report.ignored) == (0, 1)
    assert spool.waiting == []
    assert spool.kept == [NAME]
