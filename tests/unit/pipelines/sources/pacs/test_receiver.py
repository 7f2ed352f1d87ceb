"""An image is acknowledged once it is safe, whatever it is; otherwise the sender hears why not."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest
from pacs_calls import Call, Listen
from pydicom import Dataset, FileDataset, dcmread
from pynetdicom import _config
from pynetdicom.sop_class import Verification

from federim.home import Home
from federim.model.errors import InputError
from federim_pipelines.spool import Spool


def arrived(home: Home) -> list[Path]:
    return sorted((home.spool / "arrived" / "dicom").iterdir())


def test_an_image_is_on_the_disk_when_it_is_acknowledged(
    site: Home, listen: Listen, call: Call, ct: FileDataset
) -> None:
    stored: list[int] = []
    with (
        listen(Spool(site, "dicom"), lambda: stored.append(len(arrived(site)))) as port,
        call(port, ct.SOPClassUID) as association,
    ):
        assert association.send_c_store(ct).Status == 0x0000
        (path,) = arrived(site)
    assert stored == [1]
    assert dcmread(path) == ct
    assert not list((site.spool / "arriving" / "dicom").iterdir())


def test_an_echo_is_answered(site: Home, listen: Listen, call: Call) -> None:
    with listen(Spool(site, "dicom")) as port, call(port, Verification) as association:
        assert association.send_c_echo().Status == 0x0000


@pytest.mark.parametrize("titles", [{"aet": "OTHER"}, {"called": "OTHER"}])
def test_strangers_and_wrong_numbers_are_rejected(
    site: Home, listen: Listen, call: Call, titles: dict[str, str]
) -> None:
    with (
        listen(Spool(site, "dicom"), callers=("MODALITY",)) as port,
        call(port, Verification, **titles) as association,
    ):
        assert association.is_rejected


def test_no_more_associations_than_are_allowed(site: Home, listen: Listen, call: Call) -> None:
    with (
        listen(Spool(site, "dicom"), associations=1) as port,
        call(port, Verification) as first,
        call(port, Verification) as second,
    ):
        assert first.is_established
        assert second.is_rejected


def test_a_full_disk_is_said_and_nothing_is_kept(
    site: Home, listen: Listen, call: Call, ct: FileDataset
) -> None:
    with (
        listen(Spool(site, "dicom", reserve=1 << 60)) as port,
        call(port, ct.SOPClassUID) as association,
    ):
        assert association.send_c_store(ct).Status == 0xA700
    assert [path for path in site.spool.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_the_same_instance_in_two_versions_is_two_objects(
    site: Home, listen: Listen, call: Call, ct: FileDataset
) -> None:
    with listen(Spool(site, "dicom")) as port, call(port, ct.SOPClassUID) as association:
        for description in ("first", "first", "second"):
            ct.SeriesDescription = description
            assert association.send_c_store(ct).Status == 0x0000
    first, second = arrived(site)
    assert first.name[:32] == second.name[:32]
    assert ct.SOPInstanceUID not in first.name


def test_a_port_that_is_taken_is_said_to_be_so(site: Home, listen: Listen) -> None:
    with listen(Spool(site, "dicom")) as port:
        taken = port
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken))
        other.listen()
        from federim_pipelines.sources.pacs.receiver import Listening, receiving

        with (
            pytest.raises(InputError, match="choose another port"),
            receiving(site, Spool(site, "dicom"), Listening(aet="FEDERIM", port=taken)),
        ):
            pass


def test_the_process_is_left_as_it_was(site: Home, listen: Listen) -> None:
    before = (_config.UNRESTRICTED_STORAGE_SERVICE, _config.STORE_RECV_CHUNKED_DATASET, tempfile.tempdir)
    with listen(Spool(site, "dicom")):
        pass
    after = (_config.UNRESTRICTED_STORAGE_SERVICE, _config.STORE_RECV_CHUNKED_DATASET, tempfile.tempdir)
    assert after == before


def test_an_image_without_a_patient_is_received_all_the_same(
    site: Home, listen: Listen, call: Call, ct: FileDataset
) -> None:
    """What is wrong with it is for ingest to say, with a quarantine row."""
    bare = Dataset()
    bare.SOPClassUID, bare.SOPInstanceUID = ct.SOPClassUID, ct.SOPInstanceUID
    bare.file_meta = ct.file_meta
    with listen(Spool(site, "dicom")) as port, call(port, ct.SOPClassUID) as association:
        assert association.send_c_store(bare).Status == 0x0000
    assert len(arrived(site)) == 1
