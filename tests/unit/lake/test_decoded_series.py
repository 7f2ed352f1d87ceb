"""Decoded series come back as they were, or not at all; nothing tells whose they are."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import decoded_arrays
import numpy as np
import pytest
from decoded_arrays import RECIPE, SIZE, fill, person, series, snapshot_of, voxels
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from federim.home import Home
from federim.lake import tombstone
from federim.lake.arrays import kept, sealed
from federim.lake.arrays.cache import SeriesCache
from federim.lake.arrays.names import Recipe
from federim.lake.locks import copying, nobody_copies
from federim.model.errors import StorageFull
from federim.model.training import Preprocessing

zarr = pytest.importorskip("zarr", reason="decoded series are kept by Zarr, of the extra `train`")

KEY = bytes(range(32))


@pytest.fixture
def home(make_home: Callable[..., Home]) -> Home:
    return make_home(training_cache="1GB")


def cache_of(home: Home, name: str = "one", recipe: Recipe = RECIPE) -> SeriesCache:
    return SeriesCache(home, snapshot_of(home, name), recipe)


def files(home: Home) -> list[Path]:
    return sorted(path for path in home.arrays.rglob("*") if path.is_file())


shapes = st.tuples(*[st.integers(1, 9)] * 3)


@settings(max_examples=25)
@given(arrays_of.arrays(np.float32, shapes, elements=st.floats(0, 1, width=32)))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray) -> None:
    folder = tmp_path_factory.mktemp("arrays") / "one"
    sealed.write(folder, sealed.encoded(array, {"shape": list(array.shape)}, key=KEY))
    found = sealed.read(folder, {"shape": list(array.shape)}, key=KEY)
    assert found is not None and found.dtype == np.float32
    np.testing.assert_array_equal(found, array)


def test_many_chunks_make_one_shard(tmp_path: Path) -> None:
    array = np.random.default_rng(1).random((70, 160, 130), np.float32)
    files = sealed.encoded(array, {}, key=KEY)
    assert files.keys() == {"zarr.json", "c.0.0.0", "seal"}
    sealed.write(tmp_path / "one", files)
    np.testing.assert_array_equal(sealed.read(tmp_path / "one", {}, key=KEY), array)


whole = st.integers(1, 50)


@given(st.tuples(whole, whole, whole), st.tuples(whole, whole))
def test_equal_recipes_have_one_hash_however_numbers_are_written(
    spacing: tuple[int, int, int], window: tuple[int, int]
) -> None:
    def recipe(kind: Callable[[int], float]) -> Recipe:
        return dataclasses.replace(
            RECIPE,
            preprocessing=Preprocessing(
                modality="CT",
                size=SIZE,
                spacing_mm=tuple(map(kind, spacing)),  # type: ignore[arg-type]
                window=(kind(-window[0]), kind(window[1])),
            ),
        )

    assert recipe(int) == recipe(float) and recipe(int).sha256 == recipe(float).sha256


@pytest.mark.parametrize(
    "change",
    [
        {"size": (12, 16, 21)},
        {"spacing_mm": (5.0, 2.0, 2.5)},
        {"window": (-1000.0, 401.0)},
        {"modality": "MR"},
    ],
)
def test_another_recipe_finds_nothing_of_the_first(home: Home, change: dict[str, object]) -> None:
    fill(home, "one", 1)
    done = dataclasses.replace(RECIPE.preprocessing, **change)  # type: ignore[arg-type]
    other_code = dataclasses.replace(RECIPE, code="1" * 64)
    for recipe in (dataclasses.replace(RECIPE, preprocessing=done), other_code):
        assert cache_of(home, recipe=recipe).get(*series(0)) is None
    assert cache_of(home, "another").get(*series(0)) is None
    assert cache_of(home).get(*series(0)) is not None


def test_it_is_a_sharded_zarr_3_that_says_what_it_is(home: Home) -> None:
    fill(home, "one", 1)
    (folder,) = kept.arrays(home)
    opened = zarr.open_array(store=folder, mode="r")
    np.testing.assert_array_equal(opened[:], voxels(0))
    metadata = json.loads((folder / "zarr.json").read_text())
    assert metadata["zarr_format"] == 3 and metadata["dimension_names"] == ["slice", "row", "column"]
    (sharding,) = metadata["codecs"]
    assert sharding["name"] == "sharding_indexed"
    assert [codec["name"] for codec in sharding["configuration"]["codecs"]] == ["bytes", "zstd"]
    told = opened.attrs.asdict()
    assert told["shape"] == list(SIZE) and told["spacing_mm"] == [5.0, 2.0, 2.0]
    assert told["window"] == [-1000.0, 400.0] and told["window_unit"] == "HU" and told["dtype"] == "float32"
    assert told["objects"] == [Path(path).stem for path in series(0)[2]]
    assert {path.stat().st_mode & 0o077 for path in home.arrays.rglob("*")} == {0}


def test_no_name_and_no_byte_tells_whose_it_is_and_names_join_nothing(home: Home) -> None:
    for name in ("one", "two"):
        fill(home, name, 6)
    secret = {str(person(number)) for number in range(3)} | {series(number)[1] for number in range(6)}
    for path in files(home):
        text = str(path.relative_to(home.root)).encode() + path.read_bytes()
        assert not [each for each in secret if each.encode() in text]
    names = [set(path.parts[-5:]) for path in files(home)]
    one, two = (
        {part for parts in names for part in parts if first in parts and len(part) == 32}
        for first in sorted(path.name for path in home.arrays.iterdir() if path.name != kept.UNFINISHED)
    )
    assert len(one) == len(two) == 2 + 3 + 6 and not one & two


@pytest.mark.parametrize("name", ["zarr.json", "c.0.0.0", "seal"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "remove"])
def test_what_is_damaged_is_as_if_it_were_not_there_and_is_made_again(
    home: Home, name: str, damage: str
) -> None:
    fill(home, "one", 1)
    (folder,) = kept.arrays(home)
    content = bytearray((folder / name).read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content[: {"cut": -1, "empty": 0}.get(damage, len(content))])
    if damage == "remove":
        (folder / name).unlink()
    cache = cache_of(home)
    assert cache.get(*series(0)) is None
    assert cache.keep(*series(0), voxels(0))
    np.testing.assert_array_equal(cache.get(*series(0)), voxels(0))
    assert [path.name for path in (home.arrays / kept.UNFINISHED).iterdir()] == []


def test_an_array_of_other_objects_or_put_in_anothers_place_is_not_taken(home: Home) -> None:
    fill(home, "one", 2)
    person_id, uid, paths = series(0)
    cache = cache_of(home)
    assert cache.get(person_id, uid, paths[::-1]) is None
    assert cache.get(person_id, uid, [*paths[:2], "ff/ff.dcm"]) is None
    first, second = sorted(kept.arrays(home))
    first.rename(home.root / "elsewhere")
    second.rename(first)
    (home.root / "elsewhere").rename(second)
    assert cache.get(*series(0)) is None and cache.get(*series(1)) is None


def test_what_another_home_made_is_not_taken(home: Home, make_home: Callable[..., Home]) -> None:
    other = make_home("beta", training_cache="1GB")
    for each in (home, other):
        fill(each, "one", 1)
    (ours,), (theirs,) = kept.arrays(home), kept.arrays(other)
    assert ours.name != theirs.name
    for path in theirs.iterdir():
        (ours / path.name).write_bytes(path.read_bytes())
    assert cache_of(home).get(*series(0)) is None


def test_without_room_nothing_is_kept_nor_read(make_home: Callable[..., Home]) -> None:
    home = make_home()
    assert fill(home, "one", 1) == [False] and not home.arrays.exists()


@pytest.mark.parametrize("name", ["zarr.json", "c.0.0.0", "seal"])
def test_a_full_disk_leaves_nothing_half(home: Home, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    whole = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == name:
            whole(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(StorageFull):
            fill(home, "one", 1)
    assert files(home) == []
    assert fill(home, "one", 1) == [True]


def test_processes_fill_one_cache_at_once(home: Home) -> None:
    count = 12
    script = [sys.executable, decoded_arrays.__file__, str(home.root), str(count)]
    snapshot_of(home, "one")
    running = [subprocess.Popen(script) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert kept.counted(home).arrays == count
    cache = cache_of(home)
    for number in range(count):
        np.testing.assert_array_equal(cache.get(*series(number)), voxels(number))
    assert list((home.arrays / kept.UNFINISHED).iterdir()) == []


def test_who_takes_persons_out_leaves_nothing_of_them(home: Home) -> None:
    fill(home, "one", 6)
    fill(home, "two", 6)
    killed = kept.aside(home)
    killed.mkdir()
    (killed / "c.0.0.0").write_bytes(b"half of somebody")
    with nobody_copies(home):
        gone = kept.take_out(home, [person(1)])
    assert gone.arrays == 4 and gone.bytes > 0
    assert not killed.exists()
    assert kept.counted(home).arrays == 8
    for name in ("one", "two"):
        found = [cache_of(home, name).get(*series(number)) is not None for number in range(6)]
        assert found == [True, True, False, False, True, True]
    with copying(home):  # beside others who copy, not in their way
        assert cache_of(home).keep(*series(2), voxels(2))


def test_who_comes_to_keep_while_persons_are_taken_out_finds_the_snapshot_gone(home: Home) -> None:
    cache = cache_of(home)
    with ThreadPoolExecutor(1) as pool:
        with nobody_copies(home):
            kept_ = pool.submit(cache.keep, *series(0), voxels(0))
            wait([kept_], timeout=1.0)
            (home.snapshots / "one" / tombstone.TOMBSTONE).touch()
        assert not kept_.result()
    assert kept.counted(home).arrays == 0


def test_of_a_snapshot_that_stands_no_more_nothing_is_kept(home: Home) -> None:
    frozen = snapshot_of(home, "one")
    cache = SeriesCache(home, frozen, RECIPE)
    assert cache.keep(*series(0), voxels(0))
    (home.snapshots / "one" / tombstone.TOMBSTONE).touch()
    assert not cache.keep(*series(1), voxels(1))
    assert kept.counted(home).arrays == 1
