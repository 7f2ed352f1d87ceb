"""Real DICOM peers for the tests of the network: Orthanc as PACS, DCMTK as modality, and what they send."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from orthanc_server import ORTHANC, Orthanc, free_port
from pydicom import FileDataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import UID, generate_uid

from federim.home import Home


def images(folder: Path, *, patients: int, a_patient: int) -> list[Path]:
    """Small CT slices, one study and series a patient, of persons who do not exist."""
    folder.mkdir()
    made = []
    for patient in range(patients):
        dataset = dcmread(get_testdata_file("CT_small.dcm"))
        dataset.PatientID = f"SYN-{patient:03}"
        dataset.PatientName = f"Synthétique^Nº{patient}"
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.StudyDate = f"202403{patient + 1:02}"
        dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study", str(patient)])
        dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["series", str(patient)])
        for number in range(a_patient):
            dataset.SOPInstanceUID = generate_uid(entropy_srcs=["instance", str(patient), str(number)])
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.InstanceNumber = number + 1
            path = folder / f"{patient:03}-{number:04}.dcm"
            dataset.save_as(path)
            made.append(path)
    return made


def as_class(dataset: FileDataset, sop_class: str) -> FileDataset:
    """The same object under another storage class, and a UID of its own."""
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return dataset


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once a process listens on a port of loopback; fail if it ends before."""
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"it ended with code {process.returncode} instead of listening on port {port}")


class Receiver:
    """A `federim receive` of its own process."""

    def __init__(self, home: Home, port: int, *options: str) -> None:
        program = Path(sys.executable).with_name("federim")
        command = [program, "--home", home.root, "receive", "--aet", "FEDERIM", "--port", port, *options]
        self.process = subprocess.Popen(
            [*map(str, command), "--workers", "1", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        wait_for(port, self.process)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def stop(self) -> dict[str, int]:
        """Stop it as a service manager does; what it reported."""
        self.process.terminate()
        output, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        told: dict[str, int] = json.loads(output)
        return told


@contextmanager
def receiver(home: Home, port: int, *options: str) -> Iterator[Receiver]:
    """A receiver that is stopped at the end, if the test has not."""
    running = Receiver(home, port, *options)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()


def storescu(port: int, files: Sequence[Path], *options: str) -> subprocess.CompletedProcess[str]:
    """Send files with DCMTK."""
    return subprocess.run(
        ["storescu", "-v", "-aec", "FEDERIM", *options, "127.0.0.1", str(port), *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def pacs(folder: Path, *, knows: dict[str, int], gets: bool = True) -> Iterator[tuple[Orthanc, int]]:
    """An empty Orthanc called PACS, with its DICOM port.

    `knows` maps AE titles to ports of loopback; without `gets` a C-GET is refused.
    """
    assert ORTHANC.exists(), "Orthanc is not installed; run `make integration`, which installs it"
    folder.mkdir()
    web, dicom = free_port(), free_port()
    settings = {
        "Name": "Federim test",
        "HttpPort": web,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAet": "PACS",
        "DicomPort": dicom,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": gets,
        "DicomAlwaysAllowMove": True,
        "UnknownSopClassAccepted": True,
        "DicomModalities": {title: [title, "127.0.0.1", port] for title, port in knows.items()},
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([str(ORTHANC), str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:
        wait_for(dicom, server)
        wait_for(web, server)
        yield Orthanc(f"http://127.0.0.1:{web}"), dicom
    finally:
        server.terminate()
        server.wait(timeout=30)
