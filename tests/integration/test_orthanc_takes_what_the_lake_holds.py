"""A real PACS takes the lake's objects: they are still DICOM, and say nothing of the patient."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from orthanc_server import Orthanc
from pydicom import dcmread
from pydicom.data import get_testdata_file

from federim.home import Home
from federim.lake.images import read
from federim.lake.reader import connect_home, query
from federim_pipelines.run import ingest

pytestmark = pytest.mark.integration


def test_orthanc_stores_and_reads_back_a_deidentified_series(
    make_home: Callable[..., Home], tmp_path: Path, orthanc: Orthanc
) -> None:
    home = make_home()
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("CT_small.dcm", "MR_small.dcm"):
        (raw / name).write_bytes(Path(get_testdata_file(name)).read_bytes())
    assert ingest(home, [raw]).accepted == 2

    connection = connect_home(home)
    stored = query(connection, "select path, SOPInstanceUID from instance_file", seconds=20).to_pylist()
    pseudonyms = set()
    for row in stored:
        content = read(home, row["path"]).read_bytes()
        answer = orthanc.call("/instances", content)
        assert answer["Status"] == "Success"
        tags = orthanc.call(f"/instances/{answer['ID']}/simplified-tags")
        assert tags["SOPInstanceUID"] == row["SOPInstanceUID"]
        assert tags["PatientIdentityRemoved"] == "YES"
        pseudonyms.add(tags["PatientID"])

    raw_names = {str(dcmread(path).PatientName) for path in raw.iterdir()}
    known = [patient["MainDicomTags"] for patient in orthanc.call("/patients?expand")]
    ours = [tags for tags in known if tags["PatientID"] in pseudonyms]  # other tests send theirs
    assert len(ours) == 2
    assert not raw_names & {tags.get("PatientName", "") for tags in ours}
