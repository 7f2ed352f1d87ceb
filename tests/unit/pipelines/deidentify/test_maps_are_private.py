"""What tells old from new is written whole, sorted, and for its owner's eyes alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from federim.model.errors import InputError
from federim_pipelines.deidentify.tree import maps
from federim_pipelines.deidentify.tree.worker import Refused
from federim_pipelines.items import Reason


def test_a_map_is_sorted_and_holds_each_pair_once(tmp_path: Path) -> None:
    path = tmp_path / "uids.csv"
    maps.write_map(path, [("2", "b"), ("1", "a"), ("2", "b"), ('with "quotes", and', "c")])
    assert path.read_text().splitlines() == ["id_old,id_new", "1,a", "2,b", '"with ""quotes"", and",c']
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_map_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "uids.csv"
    maps.write_map(path, [("1", "a")])
    with pytest.raises(ZeroDivisionError):
        maps.write_rows(path, ("x",), ((1 / number,) for number in (1, 0)))
    assert path.read_text().splitlines() == ["id_old,id_new", "1,a"]
    assert [each.name for each in tmp_path.iterdir()] == ["uids.csv"]


def test_refusals_come_with_their_pictures(tmp_path: Path) -> None:
    refused = [
        Refused("b.dcm", Reason.PIXELS, "text stays", b"\x89PNG"),
        Refused("a.dcm", Reason.TRUNCATED, "(7FE0,0010)"),
    ]
    maps.write_refused(tmp_path / "refused.csv", tmp_path / "pictures", refused)
    assert (tmp_path / "refused.csv").read_text().splitlines() == [
        "file,reason,detail,picture",
        'a.dcm,truncated,"(7FE0,0010)",',
        "b.dcm,pixels,text stays,000001.png",
    ]
    assert (tmp_path / "pictures").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "pictures" / "000001.png").read_bytes() == b"\x89PNG"


def test_texts_are_listed_by_attribute(tmp_path: Path) -> None:
    retained = Counter({(0x0008103E, "AX T1"): 3, (0x00180015, "CHEST"): 2})
    maps.write_retained(tmp_path / "texts.csv", retained)
    assert (tmp_path / "texts.csv").read_text().splitlines() == [
        "attribute,text,count",
        "BodyPartExamined,CHEST,2",
        "SeriesDescription,AX T1,3",
    ]


def test_a_missing_folder_is_told_before_any_work(tmp_path: Path) -> None:
    maps.check_writable(tmp_path / "map.csv", None)
    with pytest.raises(InputError, match="no folder"):
        maps.check_writable(tmp_path / "absent" / "map.csv")
