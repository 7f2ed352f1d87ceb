"""A site whose images moved to a bucket builds the workspace that it built from its folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hospital_that_forgets import Hospital
from s3_server import CREDENTIALS, Bucket
from workspaces_of_a_site import built, hospital_with_annotations

import federim
from federim.home import SETTINGS_FILE, Home
from federim.lake import images
from federim.lake.maintenance.checking import check
from federim.model.errors import HomeError


def moved_to(bucket: Bucket, hospital: Hospital, root: Path) -> Home:
    """A copy of the hospital's home, its objects carried to the bucket as README says."""
    copied = hospital.copied(root).home
    with (root / SETTINGS_FILE).open("a") as file:
        file.write(
            f'objects_url = "s3://{bucket.name}/centre/objects"\ns3_endpoint = "{bucket.endpoint}"\n'
            's3_region = "us-east-1"\ns3_credentials = "s3.credentials"\n'
        )
    (root / "s3.credentials").write_text(CREDENTIALS)
    (root / "s3.credentials").chmod(0o400)
    home = Home.open(root)
    objects = [path for path in copied.objects.rglob("*") if path.is_file()]
    with pytest.raises(HomeError, match="copy them to the bucket"):
        images.has(home, objects[0].relative_to(home.objects).as_posix())
    for path in objects:
        bucket.client.upload_file(
            str(path), bucket.name, f"centre/objects/{path.relative_to(home.objects).as_posix()}"
        )
    shutil.rmtree(home.objects)
    home.objects.mkdir(mode=0o700)
    return home


def contents(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (place / "objects").rglob("*.dcm")}


def test_a_home_moves_to_a_bucket_and_builds_the_same_workspace(bucket: Bucket, tmp_path: Path) -> None:
    hospital = hospital_with_annotations(tmp_path)
    home = moved_to(bucket, hospital, tmp_path / "moved")
    checked = check(home)
    assert checked.problems == () and checked.objects.hashed == len(bucket.names()) > 0
    before = bucket.names()
    for place, of in (("folder", hospital.home), ("bucket", home)):
        built(of, "one", tmp_path / place, pixels=True)
    assert contents(tmp_path / "bucket") == contents(tmp_path / "folder") != {}
    assert bucket.names() == before
    with federim.open(tmp_path / "bucket") as mine, federim.open(tmp_path / "folder") as theirs:
        for name in ("person", "instance_file"):
            assert sorted(mine.sql(f"FROM {name}").values.tolist()) == sorted(
                theirs.sql(f"FROM {name}").values.tolist()
            )
