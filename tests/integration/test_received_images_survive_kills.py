"""Whatever the receiver acknowledged reaches the lake, once, though it is killed while it receives."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from orthanc_server import free_port
from pacs_peers import Receiver, images, receiver

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim_pipelines.spool import Spool

pytestmark = pytest.mark.integration


def send_until(port: int, files: list[Path], count: int, then: Callable[[], None]) -> set[Path]:
    """Send with DCMTK and call `then` as soon as `count` files are acknowledged; which ones were, in all."""
    command = ["storescu", "-v", "-aec", "FEDERIM", "127.0.0.1", str(port), *map(str, files)]
    acknowledged: set[Path] = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as sender:
        assert sender.stdout is not None
        for line in sender.stdout:
            if line.startswith("I: Sending file: "):
                sending = Path(line.removeprefix("I: Sending file: ").strip())
            elif "Received Store Response (Success)" in line:
                acknowledged.add(sending)
                if len(acknowledged) == count:
                    then()
    return acknowledged


def test_300_instances_and_a_receiver_killed_twice(site: Home, tmp_path: Path) -> None:
    port = free_port()
    missing = images(tmp_path / "modality", patients=3, a_patient=100)
    for _ in range(2):
        victim = Receiver(site, port, "--quiet", "0")
        acknowledged = send_until(port, missing, 90, victim.kill)
        assert 90 <= len(acknowledged) < len(missing)  # it died in the midst of sending
        # None of the acknowledged is sent again: only the disk can still have it.
        missing = [path for path in missing if path not in acknowledged]
    with receiver(site, port, "--quiet", "0") as third:
        assert len(send_until(port, missing, -1, lambda: None)) == len(missing)
        third.stop()
    spool = Spool(site, "dicom")
    spool.drain()
    assert (spool.waiting, spool.kept) == ([], [])
    held = query(
        connect_home(site),
        "select count(*) as rows, count(distinct SOPInstanceUID) as instances from instance",
        seconds=20,
    ).to_pylist()
    assert held == [{"rows": 300, "instances": 300}]


def test_what_was_stored_but_not_acknowledged_is_not_doubled(site: Home, tmp_path: Path) -> None:
    port = free_port()
    files = images(tmp_path / "modality", patients=1, a_patient=20)
    victim = Receiver(site, port, "--quiet", "0")
    send_until(port, files, 10, victim.kill)
    with receiver(site, port, "--quiet", "0"):
        assert len(send_until(port, files, -1, lambda: None)) == 20  # as a modality that starts over does
    Spool(site, "dicom").drain()
    (held,) = query(connect_home(site), "select count(*) as rows from instance", seconds=20).to_pylist()
    assert held == {"rows": 20}
