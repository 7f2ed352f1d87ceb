"""A folder and a bucket keep objects by one contract."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from s3_server import Bucket

from federim.home import Home
from federim.lake import images, store_bucket
from federim.lake.store import Store, name_of
from federim.lake.store_bucket import PART_BYTES
from federim.lake.stores import object_store
from federim.model.errors import LakeError, StorageFull

MANY_PARTS = os.urandom(1024) * (2 * PART_BYTES // 1024 + 7)


@dataclass(frozen=True)
class Written:
    """Content that is written bit by bit, as a de-identified file is."""

    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def size(self) -> int:
        return len(self.content)

    def write(self, descriptor: int, /) -> None:
        for start in range(0, self.size, 2**20):
            os.write(descriptor, self.content[start : start + 2**20])


class Broken(Written):
    """Content whose source fails half way."""

    def write(self, descriptor: int, /) -> None:
        os.write(descriptor, self.content[:10])
        raise OSError(28, os.strerror(28))


@pytest.fixture(params=["folder", "bucket"])
def centre(request: pytest.FixtureRequest, make_home: Callable[..., Home]) -> Home:
    if request.param == "folder":
        return make_home()
    bucket: Bucket = request.getfixturevalue("bucket")
    return bucket.home(make_home)


@pytest.fixture
def store(centre: Home) -> Store:
    store = object_store(centre)
    store.prepare()
    return store


def files(home: Home) -> list[Path]:
    return [path for at in (home.objects, home.object_copies) for path in at.rglob("*") if path.is_file()]


@pytest.mark.parametrize("content", [b"", b"pixels", MANY_PARTS], ids=["empty", "small", "many parts"])
@pytest.mark.parametrize("made", [bytes, Written])
def test_what_was_put_is_read(
    centre: Home, store: Store, content: bytes, made: Callable[[bytes], bytes | Written]
) -> None:
    told = images.store(centre, made(content))
    assert (told.path, told.size) == (name_of(hashlib.sha256(content).hexdigest()), len(content))
    for _ in range(2):
        place = images.read(centre, told.path)
        assert place.read_bytes() == content
        assert place.stat().st_mode & 0o777 == 0o400 and place.parent.stat().st_mode & 0o077 == 0
    assert store.has(told.path)
    assert images.store(centre, made(content)) == told


def test_what_was_removed_is_gone(centre: Home, store: Store) -> None:
    kept, gone = images.store(centre, Written(b"kept")), images.store(centre, Written(b"gone"))
    assert images.read(centre, gone.path).exists()
    for _ in range(2):
        store.remove(gone.path)
    assert not store.has(gone.path) and store.has(kept.path)
    with pytest.raises(LakeError, match="is missing; restore"):
        store.local(gone.path)
    assert [path.read_bytes() for path in files(centre)] == [b"kept"]
    assert images.store(centre, b"gone") == gone
    assert images.read(centre, gone.path).read_bytes() == b"gone"


def test_what_fails_half_way_leaves_nothing(centre: Home, store: Store) -> None:
    with pytest.raises(StorageFull):
        images.store(centre, Broken(b"a long enough content"))
    assert not store.has(name_of(Broken(b"a long enough content").sha256))
    assert files(centre) == []


@pytest.mark.parametrize("path", ["../keys/root.key", "/etc/passwd", "ab/../../federim.toml"])
def test_a_path_leads_nowhere_else(store: Store, path: str) -> None:
    for use in (store.local, store.has, store.remove):
        with pytest.raises(LakeError, match="leads out"):
            use(path)


def test_many_may_put_and_read_the_same(centre: Home, store: Store) -> None:
    contents = [bytes([number % 5]) * 5_000 for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda content: images.store(centre, Written(content)), contents))
        read = list(pool.map(lambda each: images.read(centre, each.path).read_bytes(), told))
    assert read == contents
    assert len(set(told)) == 5 and all(store.has(each.path) for each in told)


def test_what_is_there_is_listed_and_hashed(centre: Home, store: Store) -> None:
    told = [images.store(centre, bytes([number]) * (number + 1)) for number in range(7)]
    gone = images.store(centre, b"gone")
    store.remove(gone.path)
    listed = sorted((file.name, file.size) for some in store.listed() for file in some)
    assert listed == sorted((each.path, each.size) for each in told)
    assert all(
        abs(file.modified - time.time()) < 3_600 for some in store.listed() for file in some
    )  # not local time, where that is another
    assert [store.sha256(each.path) for each in told] == [each.sha256 for each in told]
    assert store.sha256(gone.path) is None


def test_a_long_listing_is_whole(centre: Home, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_bucket, "NAMES_A_PAGE", 3)
    told = {images.store(centre, str(number).encode()).path for number in range(11)}
    assert {file.name for some in store.listed() for file in some} == told
