"""The receiver takes what real senders send, refuses who may not call, and says what is safe with it."""

from __future__ import annotations

import datetime as dt
import json
import socket
import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from orthanc_server import free_port
from pacs_peers import as_class, images, pacs, receiver, storescu
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import UID, JPEG2000Lossless
from pynetdicom import AE, build_context, evt
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

from federim.home import Home
from federim_pipelines.spool import Spool

pytestmark = pytest.mark.integration

NEVER = ("--quiet", "100000")  # nothing is read while the test looks at the spool


def acknowledged(output: str) -> int:
    return output.count("Received Store Response (Success)")


def test_who_may_not_call_is_rejected(site: Home, tmp_path: Path) -> None:
    port = free_port()
    files = images(tmp_path / "modality", patients=1, a_patient=2)
    with receiver(site, port, "--caller", "CT1", *NEVER) as listening:
        assert acknowledged(storescu(port, files, "-aet", "CT2").stderr) == 0
        assert acknowledged(storescu(port, files, "-aet", "CT1", "-aec", "OTHER").stderr) == 0
        sent = storescu(port, files, "-aet", "CT1")
        assert acknowledged(sent.stdout + sent.stderr) == 2
        assert listening.stop()["received"] == 2


def test_classes_and_encodings_nobody_knows_come_as_they_are(site: Home, tmp_path: Path) -> None:
    port = free_port()
    unknown = "1.2.826.0.1.3680043.10.99999.1"
    plain = as_class(dcmread(get_testdata_file("CT_small.dcm")), unknown)
    compressed = dcmread(get_testdata_file("MR_small.dcm"))
    compressed.compress(JPEG2000Lossless)
    with receiver(site, port, *NEVER):
        sender = AE("MODALITY")
        contexts = [build_context(unknown), build_context(compressed.SOPClassUID, JPEG2000Lossless)]
        association = sender.associate("127.0.0.1", port, contexts, ae_title="FEDERIM")
        assert association.is_established
        assert association.send_c_store(plain).Status == 0x0000
        assert association.send_c_store(compressed).Status == 0x0000
        association.release()
    came = [dcmread(path) for path in (site.spool / "arrived" / "dicom").iterdir()]
    by_uid = {dataset.SOPInstanceUID: dataset for dataset in came}
    assert by_uid[plain.SOPInstanceUID].SOPClassUID == unknown
    assert by_uid[plain.SOPInstanceUID].PixelData == plain.PixelData
    assert by_uid[compressed.SOPInstanceUID].file_meta.TransferSyntaxUID == JPEG2000Lossless
    assert by_uid[compressed.SOPInstanceUID].PixelData == compressed.PixelData


def test_a_sender_that_breaks_off_leaves_nothing(site: Home, tmp_path: Path) -> None:
    port = free_port()
    (path,) = images(tmp_path / "modality", patients=1, a_patient=1)
    dataset = dcmread(path)
    dataset.PixelData = bytes(200_000_000)
    dataset.save_as(path)
    arriving = site.spool / "arriving" / "dicom"
    with receiver(site, port, *NEVER):
        sender = subprocess.Popen(["storescu", "-aec", "FEDERIM", "127.0.0.1", str(port), path])
        while not any(part.stat().st_size > 1_000_000 for part in arriving.iterdir()):
            assert sender.poll() is None, "it was sent before it could be broken off"
        sender.kill()
        sender.wait()
        for _ in range(200):
            if not list(arriving.iterdir()):
                break
            time.sleep(0.05)
        assert list(arriving.iterdir()) == []
    assert Spool(site, "dicom").waiting == []


def test_an_instance_sent_again_with_other_content_is_not_overwritten(site: Home, tmp_path: Path) -> None:
    port = free_port()
    (path,) = images(tmp_path / "modality", patients=1, a_patient=1)
    with receiver(site, port, *NEVER):
        storescu(port, [path, path])
        changed = dcmread(path)
        changed.SeriesDescription = "other"
        changed.save_as(path)
        storescu(port, [path])
    spool = Spool(site, "dicom")
    assert len(spool.waiting) == 2
    report = spool.drain()
    assert report is not None
    assert (report.accepted, report.quarantined) == (1, 1)
    assert len(spool.kept) == 1


def test_a_full_disk_is_said_and_nothing_is_acknowledged(site: Home, tmp_path: Path) -> None:
    """In this process, as the reserve is not an option of the command."""
    from federim_pipelines.sources.pacs.receiver import Listening, receiving

    port = free_port()
    files = images(tmp_path / "modality", patients=1, a_patient=2)
    spool = Spool(site, "dicom", reserve=1 << 60)
    with receiving(site, spool, Listening(aet="FEDERIM", port=port)):
        sent = storescu(port, files)
    assert acknowledged(sent.stdout + sent.stderr) == 0
    assert "OutOfResources" in sent.stdout + sent.stderr
    assert spool.waiting == []
    assert list((site.spool / "arriving" / "dicom").iterdir()) == []


def test_a_pacs_is_told_what_is_safe_where_it_is_known(site: Home, tmp_path: Path) -> None:
    port = free_port()
    with pacs(tmp_path / "orthanc", knows={"FEDERIM": port}) as (orthanc, dicom):
        files = images(tmp_path / "modality", patients=1, a_patient=2)
        stored = [orthanc.call("/instances", path.read_bytes())["ID"] for path in files]
        with receiver(site, port, "--tell", f"PACS@127.0.0.1:{dicom}", *NEVER):
            orthanc.call("/modalities/FEDERIM/store", stored[0].encode())
            reports = {}
            for name, resources in (("sent", stored[:1]), ("both", stored)):
                asked = json.dumps({"Resources": resources}).encode()
                reports[name] = orthanc.call("/modalities/FEDERIM/storage-commitment", asked)["ID"]
            told = {}
            for name, identifier in reports.items():
                for _ in range(200):
                    told[name] = orthanc.call(f"/storage-commitment/{identifier}")
                    if told[name]["Status"] != "Pending":
                        break
                    time.sleep(0.1)
    assert told["sent"]["Status"] == "Success"
    assert told["both"]["Status"] == "Failure"
    assert [len(told["both"][kind]) for kind in ("Success", "Failures")] == [1, 1]


def test_a_modality_is_told_on_its_own_association_once_the_lake_has_the_image(
    site: Home, tmp_path: Path
) -> None:
    port = free_port()
    (path,) = images(tmp_path / "modality", patients=1, a_patient=1)
    dataset = dcmread(path)
    with receiver(site, port, *NEVER):
        storescu(port, [path])
        assert Spool(site, "dicom").drain() is not None
        reports = []
        modality = AE("MODALITY")

        def hears(event: evt.Event) -> tuple[int, None]:
            reports.append((event.request.EventTypeID, event.event_information))
            return 0x0000, None

        association = modality.associate(
            "127.0.0.1",
            port,
            [build_context(StorageCommitmentPushModel)],
            ae_title="FEDERIM",
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, hears)],
        )
        asked = type(dataset)(None, {})
        asked.TransactionUID = UID("2.25.42")
        item = type(dataset)(None, {})
        item.ReferencedSOPClassUID = dataset.SOPClassUID
        item.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
        asked.ReferencedSOPSequence = [item]
        status, _ = association.send_n_action(
            asked, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        assert status.Status == 0x0000
        for _ in range(100):
            if reports:
                break
            time.sleep(0.1)
        association.release()
    ((event_type, report),) = reports
    assert event_type == 1
    assert report.TransactionUID == "2.25.42"
    assert report.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == dataset.SOPInstanceUID
    assert "FailedSOPSequence" not in report


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate of loopback and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = tmp_path / "certificate.pem", tmp_path / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return public, private


def test_over_tls_only_a_sender_with_a_certificate_is_heard(
    site: Home, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    port = free_port()
    public, private = map(str, certificate)
    files = images(tmp_path / "modality", patients=1, a_patient=1)
    with (
        receiver(site, port, "--certificate", public, "--key", private, "--ca", public, *NEVER),
        socket.create_connection(("127.0.0.1", port)),  # and says nothing: others are heard all the same
    ):
        plain = storescu(port, files, "-ta", "5", "-to", "5")
        assert acknowledged(plain.stdout + plain.stderr) == 0
        anonymous = storescu(port, files, "+tla", "+cf", public)
        assert acknowledged(anonymous.stdout + anonymous.stderr) == 0
        shown = storescu(port, files, "+tls", private, public, "+cf", public)
        assert acknowledged(shown.stdout + shown.stderr) == 1, shown.stdout + shown.stderr
