"""Objects are stored once, under their hash, read-only."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from federim.home import Home
from federim.lake import images
from federim.model.errors import LakeError, StorageFull


def test_an_object_is_found_under_its_hash(site: Home) -> None:
    stored = images.store(site, b"pixels")
    digest = hashlib.sha256(b"pixels").hexdigest()
    assert stored == images.StoredObject(
        sha256=digest, path=f"{digest[:2]}/{digest[2:4]}/{digest}.dcm", size=6
    )
    place = images.read(site, stored.path)
    assert place.read_bytes() == b"pixels"
    assert place.stat().st_mode & 0o777 == 0o400
    assert place.parent.stat().st_mode & 0o077 == 0


def test_storing_twice_keeps_one_file(site: Home) -> None:
    first = images.store(site, b"pixels")
    before = images.read(site, first.path).stat().st_ino
    assert images.store(site, b"pixels") == first
    assert images.read(site, first.path).stat().st_ino == before


def test_a_discarded_object_is_gone_and_may_be_discarded_again(site: Home) -> None:
    stored = images.store(site, b"pixels")
    images.discard(site, stored.path)
    images.discard(site, stored.path)
    with pytest.raises(LakeError, match="missing"):
        images.read(site, stored.path)


@pytest.mark.parametrize("path", ["../keys/root.key", "/etc/passwd", "ab/../../federim.toml"])
def test_a_path_cannot_lead_out_of_the_store(site: Home, path: str) -> None:
    with pytest.raises(LakeError, match="leads out"):
        images.read(site, path)
    with pytest.raises(LakeError, match="leads out"):
        images.discard(site, path)


def test_a_full_disk_leaves_nothing_behind(site: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(StorageFull):
        images.store(site, b"pixels")
    assert [path for path in Path(site.objects).rglob("*") if path.is_file()] == []
