"""The index moves from where earlier versions kept it, whole, once, and never beside another one."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from federim.home import Home
from federim.lake import index_place
from federim.lake.entered import Entered
from federim.lake.index import Index
from federim.lake.tables import Lake
from federim.model.errors import LakeError

KEY = b"k" * 16


@pytest.fixture
def earlier(site: Home) -> Path:
    """The index of a home of before, killed: its last batch is in the log beside the file."""
    index = Index(site.lake / index_place.EARLIER)
    index.remember(1, {KEY: Entered(b"c" * 16)}, [b"r" * 16])
    files = {path.name: path.read_bytes() for path in site.lake.glob(f"{index_place.EARLIER}*")}
    index.close()
    for name, content in files.items():
        (site.lake / name).write_bytes(content)
    assert (site.lake / f"{index_place.EARLIER}-wal").stat().st_size > 0
    return site.lake / index_place.EARLIER


def test_an_earlier_index_moves_with_what_its_log_tells(site: Home, earlier: Path) -> None:
    with Lake(site).writing() as writer:
        assert (writer.next_batch, writer.known([KEY])) == (2, {KEY: Entered(b"c" * 16)})
    assert list(site.lake.glob(f"{earlier.name}*")) == []
    assert index_place.to_read(site) == site.index


def test_one_who_only_reads_has_it_moved_too(site: Home, earlier: Path) -> None:
    assert index_place.to_read(site) == site.index
    assert not earlier.exists()
    index = Index(site.index)
    assert index.records([KEY]) == {KEY: Entered(b"c" * 16)}
    index.close()


def test_there_is_none_before_the_first_batch(site: Home) -> None:
    assert index_place.to_read(site) is None


def test_two_indexes_are_refused(site: Home, fill: Callable[..., Any], rows: Any) -> None:
    fill({"person": [rows.person()]})
    shutil.copy(site.index, site.lake / index_place.EARLIER)
    for use in (lambda: fill({"person": [rows.person("p2")]}), lambda: index_place.to_read(site)):
        with pytest.raises(LakeError, match="two indexes"):
            use()


def test_an_index_that_another_process_reads_stays(
    site: Home, earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(
        "federim.lake.index_place.sqlite3.connect",
        lambda path, **options: connect(path, timeout=0.05, **options),
    )
    reader = connect(earlier, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM row").fetchone() == (1,)
    with pytest.raises(LakeError, match="being read"), Lake(site).writing():
        pass
    assert earlier.exists() and not site.index.exists()
    reader.close()
    with Lake(site).writing() as writer:
        assert writer.known([KEY])
