"""A bucket is trusted with bytes alone: not with their truth, not with forgetting, not with being ours."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from s3_server import Bucket

from federim.home import Home, Role, Settings
from federim.lake import bucket as bucket_module
from federim.lake import images
from federim.lake.copies import SPARED, ObjectCopies
from federim.lake.tables import Lake
from federim.model.errors import HomeError, LakeError

MakeHome = Callable[..., Home]


def copies(home: Home) -> list[Path]:
    return [path for path in home.object_copies.rglob("*") if path.is_file()]


def test_an_object_is_in_the_bucket_under_its_hash(bucket: Bucket, make_home: MakeHome) -> None:
    home = bucket.home(make_home)
    stored = images.store(home, b"pixels")
    assert bucket.names() == [stored.path]
    assert bucket.content(stored.path) == b"pixels"
    assert list(home.objects.iterdir()) == []
    images.discard(home, stored.path)
    assert bucket.names() == []


def test_an_object_that_somebody_changed_is_not_used(bucket: Bucket, make_home: MakeHome) -> None:
    home = bucket.home(make_home)
    stored = images.store(home, b"pixels")
    bucket.client.put_object(Bucket=bucket.name, Key=f"centre/objects/{stored.path}", Body=b"others")
    with pytest.raises(LakeError, match="not what was stored"):
        images.read(home, stored.path)
    assert copies(home) == []


def test_a_bucket_that_keeps_versions_is_refused(bucket: Bucket, make_home: MakeHome) -> None:
    home = bucket.home(make_home)
    with Lake(home).writing():
        pass
    bucket.version("Enabled")
    with pytest.raises(LakeError, match="keeps versions"), Lake(home).writing():
        pass
    for content in (b"small", bytes(9 * 2**20)):
        with pytest.raises(LakeError, match="keeps versions"):
            images.store(home, content)


def test_two_homes_do_not_share_a_place(bucket: Bucket, make_home: MakeHome) -> None:
    first, second = bucket.home(make_home), bucket.home(make_home, name="beta")
    apart = bucket.home(make_home, prefix="elsewhere", name="gamma")
    for home in (first, first, apart):
        with Lake(home).writing():
            pass
    with pytest.raises(LakeError, match="another home"), Lake(second).writing():
        pass


def test_a_workspace_never_uses_the_sites_bucket(
    bucket: Bucket, make_home: MakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDERIM_OBJECTS_URL", f"s3://{bucket.name}/centre/objects")
    workspace = make_home("study", role=Role.WORKSPACE)
    stored = images.store(workspace, b"pixels")
    assert images.read(workspace, stored.path).is_relative_to(workspace.objects)
    assert bucket.names() == []


def test_a_folder_with_objects_is_not_left_behind(bucket: Bucket, make_home: MakeHome) -> None:
    home = make_home()
    images.store(home, b"pixels")
    moved = replace(
        home, settings=home.settings.model_copy(update={"objects_url": f"s3://{bucket.name}/objects"})
    )
    with pytest.raises(HomeError, match="copy them to the bucket"):
        images.store(moved, b"more")


def test_a_bucket_that_is_not_there_is_said(bucket: Bucket, make_home: MakeHome) -> None:
    home = replace(bucket, name="nobodys-bucket").home(make_home)
    with pytest.raises(LakeError, match="objects_url names is not there"), Lake(home).writing():
        pass


def test_a_store_that_cannot_be_reached_is_said_without_its_address(
    bucket: Bucket, make_home: MakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "RETRIES", 0)
    monkeypatch.setattr(bucket_module, "GIVE_UP", timedelta(seconds=1))
    with socket.socket() as nobody:  # bound, and never listening
        nobody.bind(("127.0.0.1", 0))
        home = replace(bucket, endpoint=f"http://127.0.0.1:{nobody.getsockname()[1]}").home(make_home)
        with pytest.raises(LakeError, match="can be reached") as said:
            images.store(home, b"pixels")
    assert "127.0.0.1" not in str(said.value) and said.value.__suppress_context__
    assert copies(home) == []


@pytest.mark.parametrize(
    ("written", "mode", "expected"),
    [
        ("[default]\naws_access_key_id = a\naws_secret_access_key = hush\n", 0o440, "chmod 0400"),
        ("[default]\naws_access_key_id = hush\n", 0o400, "does not hold"),
        ("[other]\naws_secret_access_key = hush\n", 0o400, "does not hold"),
        ("aws_secret_access_key = hush\n", 0o400, "does not hold"),
        (None, 0o400, "cannot be read"),
    ],
)
def test_credentials_that_cannot_be_used_are_not_repeated(
    bucket: Bucket, make_home: MakeHome, written: str | None, mode: int, expected: str
) -> None:
    home = bucket.home(make_home)
    file = home.root / "s3.credentials"
    file.unlink()
    if written is not None:
        file.write_text(written)
        file.chmod(mode)
    with pytest.raises(HomeError, match=expected) as said:
        images.store(home, b"pixels")
    assert "hush" not in str(said.value) and not (
        said.value.__context__ and not said.value.__suppress_context__
    )


@pytest.mark.parametrize(
    "given",
    [
        {"objects_url": "s3://key:secret@bucket/objects"},
        {"objects_url": "https://bucket/objects"},
        {"objects_url": "s3://bucket/../objects"},
        {"s3_endpoint": "http://store.example:9000"},
        {"s3_endpoint": "http://localhost.example"},
        {"s3_endpoint": "https://key:secret@store.example"},
    ],
)
def test_an_address_with_secrets_or_without_tls_is_no_setting(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="should match pattern"):
        Settings(role=Role.SITE, name="alpha", **given)


def test_copies_give_way_to_newer_ones(tmp_path: Path) -> None:
    held = ObjectCopies(tmp_path, most=10**9)
    names = [f"ab/cd/{number}" for number in range(6)]
    for age, name in enumerate(names):
        path = held.add(name, lambda descriptor: os.truncate(descriptor, 300), lambda _: None)
        os.utime(path, (0, path.stat().st_mtime - 2 * SPARED + age))
    assert held.held(names[0]) is not None  # asked for: the youngest now
    ObjectCopies(tmp_path, most=1_000).trim()
    assert [name for name in names if (tmp_path / name).exists()] == [names[0], *names[4:]]


def test_copies_just_asked_for_stay(tmp_path: Path) -> None:
    held = ObjectCopies(tmp_path, most=1)
    paths = [held.add(f"ab/cd/{n}", lambda descriptor: None, lambda _: None) for n in range(3)]
    for path in paths:
        path.chmod(0o600)
        path.write_bytes(b"much")
    held.trim()
    assert all(path.exists() for path in paths)


def test_a_copy_being_made_of_what_is_removed_does_not_come(tmp_path: Path) -> None:
    held = ObjectCopies(tmp_path, most=1_000)

    def write(descriptor: int) -> None:
        os.write(descriptor, b"theirs")
        held.remove("ab/cd/1")

    with pytest.raises(FileNotFoundError):
        held.add("ab/cd/1", write, lambda _: None)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_copy_that_is_finished_while_it_is_removed_goes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = ObjectCopies(tmp_path, most=1_000)
    copy = held.add("ab/cd/1", lambda descriptor: None, lambda _: None)
    part = copy.rename(copy.with_name(f"{copy.name}.of-another-process.part"))
    unlink = Path.unlink

    def finish_first(path: Path, missing_ok: bool = False) -> None:
        if path == part and part.exists():
            part.rename(copy)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", finish_first)
    held.remove("ab/cd/1")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_environment_opens_no_way_without_tls(
    bucket: Bucket, make_home: MakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "RETRIES", 0)
    monkeypatch.setattr(bucket_module, "GIVE_UP", timedelta(seconds=1))
    home = make_home(objects_url=f"s3://{bucket.name}/objects")
    for name, value in {
        "AWS_ENDPOINT_URL": bucket.endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "a-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(LakeError, match="can be reached"):
        images.store(home, b"pixels")
    assert bucket.names("objects") == []


def test_new_credentials_are_taken_without_a_restart(bucket: Bucket, make_home: MakeHome) -> None:
    home = bucket.home(make_home)
    stored = images.store(home, b"pixels")
    file = home.root / "s3.credentials"
    written = file.read_text()
    for content, fits in (("[default]\n", False), (written, True)):
        file.chmod(0o600)
        file.write_text(content)
        file.chmod(0o400)
        if fits:
            assert images.has(home, stored.path)
        else:
            with pytest.raises(HomeError, match="does not hold"):
                images.has(home, stored.path)
