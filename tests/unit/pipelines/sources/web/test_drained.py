"""What arrived is read at the end, and whoever stops a pull does not wait for that."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from federim.home import Home
from federim.model.errors import InputError
from federim_pipelines.behind import Draining
from federim_pipelines.progress import Silence
from federim_pipelines.sources.web.drained import Drained
from federim_pipelines.spool import Spool


@pytest.mark.parametrize(("end", "left"), [(InputError("unreachable"), 0), (KeyboardInterrupt(), 1)])
def test_a_server_that_fails_and_a_person_who_stops_it(site: Home, end: BaseException, left: int) -> None:
    spool = Spool(site, "dicomweb")
    with spool.writing("5eed" * 8) as file:
        file.write(Path(get_testdata_file("CT_small.dcm")).read_bytes())
    drained = Drained(spool, Draining(), Silence())
    with pytest.raises(type(end)), drained:
        raise end
    assert len(spool.waiting) == left
    assert drained.as_json()["accepted"] == 1 - left
