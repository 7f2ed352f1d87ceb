"""A work list says what to fetch and how; a mistake in it is told by its place, never by a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from federim.model.errors import InputError, UnknownName
from federim_pipelines.sources.pacs.peer import Peer
from federim_pipelines.sources.pacs.throttle import Hours
from federim_pipelines.sources.pacs.worklist import Way, WorkList

HEAD = 'pacs = "PACS@192.0.2.10:104"\naet = "FEDERIM"\n'
QUERY = '[[query]]\nStudyDate = "20240101-20240131"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "work.toml"
    path.write_text(text)
    return path


def test_all_of_it_is_read(tmp_path: Path) -> None:
    settings = (
        'retrieve = "move"\nhost = "192.0.2.20"\nport = 11113\nhours = ["20:00-06:30"]\npause = 2.5\n'
        "associations = 2\n"
    )
    more = '[[query]]\nPatientID = "SYN-1"\nModalitiesInStudy = "MR"\n'
    work = WorkList.load(write(tmp_path, HEAD + settings + QUERY + more))
    assert work.peer == Peer("PACS", "192.0.2.10", 104)
    assert (work.aet, work.way, work.host, work.port) == ("FEDERIM", Way.MOVE, "192.0.2.20", 11113)
    assert work.throttle.hours == (Hours.parse("20:00-06:30"),)
    assert (work.throttle.pause, work.throttle.associations) == (2.5, 2)
    assert work.queries == (
        {"StudyDate": "20240101-20240131"},
        {"PatientID": "SYN-1", "ModalitiesInStudy": "MR"},
    )


def test_what_is_left_out_disturbs_least(tmp_path: Path) -> None:
    work = WorkList.load(write(tmp_path, HEAD + QUERY))
    assert (work.way, work.port, work.throttle.associations) == (Way.GET, None, 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("pacs = ", "not valid TOML"),
        (HEAD, "setting 'query'"),
        (HEAD + "query = []", "setting 'query'"),
        (HEAD + "colour = 1\n" + QUERY, "setting 'colour'"),
        (HEAD + "associations = 0\n" + QUERY, "setting 'associations'"),
        (HEAD + 'retrieve = "fetch"\n' + QUERY, "setting 'retrieve'"),
        (HEAD + "[[query]]\nPatientID = 1234567\n", r"setting 'query.0.PatientID'"),
        (HEAD + "[[query]]\n", "whole PACS"),
        (HEAD.replace("104", "many") + QUERY, "AET@host:port"),
    ],
)
def test_a_mistake_is_told_by_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        WorkList.load(write(tmp_path, text))
    assert "1234567" not in str(refused.value)


def test_an_attribute_no_pacs_matches_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no query attribute"):
        WorkList.load(write(tmp_path, HEAD + '[[query]]\nSliceThickness = "1"\n'))


def test_a_work_list_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        WorkList.load(tmp_path / "none.toml")
