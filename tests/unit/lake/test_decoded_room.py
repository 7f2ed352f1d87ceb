"""Decoded series stay within the room that the site gives them, the least recently used going first."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from decoded_arrays import RECIPE, fill, series, snapshot_of, voxels

from federim.home import Home
from federim.lake.arrays import kept, room
from federim.lake.arrays.cache import SeriesCache
from federim.lake.arrays.room import Room
from federim.model.errors import HomeError

pytest.importorskip("zarr", reason="decoded series are kept by Zarr, of the extra `train`")


@pytest.fixture
def home(make_home: Callable[..., Home]) -> Home:
    return make_home(training_cache="1GB")


def aged(home: Home) -> None:
    """Whatever is kept was used long ago, the first that is found the longest."""
    for number, array in enumerate(sorted(kept.arrays(home))):
        os.utime(array / "seal", (1_000_000 + number,) * 2)


def has(home: Home, name: str, number: int) -> bool:
    return SeriesCache(home, snapshot_of(home, name), RECIPE).get(*series(number)) is not None


@pytest.mark.parametrize(
    ("said", "bytes_"), [("", 0), ("0MB", 0), ("7MB", 7_000_000), ("3GB", 3 * 10**9), ("1TB", 10**12)]
)
def test_the_setting_says_how_many_bytes(make_home: Callable[..., Home], said: str, bytes_: int) -> None:
    assert room.allowed(make_home(training_cache=said)) == bytes_


def test_an_unusable_setting_is_refused(home: Home) -> None:
    settings = home.root / "federim.toml"
    settings.write_text(settings.read_text().replace('"1GB"', '"a lot"'))
    with pytest.raises(HomeError, match="training_cache"):
        Home.open(home.root)


def test_the_least_recently_used_of_other_snapshots_goes(home: Home) -> None:
    fill(home, "one", 4)
    aged(home)
    assert has(home, "one", 0)  # and so is used
    one = kept.counted(home).bytes // 4
    spared = home.arrays / "of another"
    for wanted, left in ((1, 3), (2, 2), (3, 1)):
        assert Room(home, int(4.5 * one)).make(wanted * one, sparing=spared)
        assert kept.counted(home).arrays == left
        assert has(home, "one", 0)
    assert Room(home, int(4.5 * one)).make(4 * one, sparing=spared)
    assert kept.counted(home).arrays == 0


def test_what_does_not_fit_displaces_nothing_of_its_own(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(home, "one", 1)
    one = kept.counted(home).bytes
    monkeypatch.setattr("federim.lake.arrays.cache.allowed", lambda _: int(3.5 * one))
    assert fill(home, "one", 6) == [True, True, True, False, False, False]
    assert [has(home, "one", number) for number in range(6)] == [True] * 3 + [False] * 3
    aged(home)
    assert fill(home, "two", 6) == [True, True, True, False, False, False]
    assert [has(home, "two", number) for number in range(6)] == [True] * 3 + [False] * 3
    assert kept.counted(home).bytes <= 3.5 * one


def test_other_processes_are_counted_again_after_a_while(home: Home) -> None:
    fill(home, "one", 1)
    one = kept.counted(home).bytes
    space = Room(home, 40 * one)
    spared = next(home.arrays.glob("*/*/"))
    assert space.make(one, sparing=spared)
    fill(home, "one", 39)
    assert [space.make(one, sparing=spared) for _ in range(4)][-1] is False


def test_a_reader_marks_what_it_uses(home: Home) -> None:
    fill(home, "one", 1)
    aged(home)
    (array,) = kept.arrays(home)
    before = (array / "seal").stat().st_mtime
    assert SeriesCache(home, snapshot_of(home, "one"), RECIPE).get(*series(0)) is not None
    assert (array / "seal").stat().st_mtime > before
    assert voxels(0).nbytes > 0
