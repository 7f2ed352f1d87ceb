"""What lies in a bucket is checked, counted and vacuumed as in a folder, and nothing else of it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from s3_server import Bucket
from typer.testing import CliRunner, Result

from federim.cli.main import app
from federim.home import Home
from federim.lake import images
from federim.lake.maintenance import vacuuming
from federim.lake.maintenance.checking import check
from federim.lake.maintenance.statistics import statistics
from federim.model.errors import LakeError
from federim_pipelines.run import ingest


@pytest.fixture
def site(
    bucket: Bucket, make_home: Callable[..., Home], inbox: Path, write_image: Callable[..., Path]
) -> Home:
    home = bucket.home(make_home)
    for number in range(5):
        write_image(f"{number}.dcm", patient=f"IPP-{number}", number=number)
    ingest(home, [inbox], test_identities=True)
    return home


def federim(home: Home, *words: str) -> Result:
    return CliRunner().invoke(app, ["--home", str(home.root), "lake", *words])


def key(name: str) -> str:
    return f"centre/objects/{name}"


def test_a_bucket_that_was_written_is_whole(site: Home, bucket: Bucket) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=key("notes.txt"), Body=b"not an object")
    told = json.loads(federim(site, "check", "--json").stdout)
    assert told["problems"] == [] and told["objects"]["hashed"] == told["objects"]["rows"] == 5
    assert told["objects"]["orphans"] == 0
    sizes = {name: len(bucket.content(name)) for name in bucket.names()}
    counted = statistics(site)
    assert (counted.objects, counted.object_bytes) == (len(sizes), sum(sizes.values()))
    assert told["objects"]["bytes"] == sum(sizes.values())


def removed(bucket: Bucket, name: str) -> None:
    bucket.client.delete_object(Bucket=bucket.name, Key=key(name))


def cut(bucket: Bucket, name: str) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=key(name), Body=bucket.content(name)[:-1])


def changed(bucket: Bucket, name: str) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=key(name), Body=bucket.content(name)[:-1] + b"?")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (removed, "1 rows speak of an object that is not there"),
        (cut, "1 objects have another length"),
        (changed, "1 of 5 objects hashed are not what was stored"),
    ],
)
def test_damage_in_a_bucket_is_found(
    site: Home, bucket: Bucket, damage: Callable[[Bucket, str], None], says: str
) -> None:
    name = bucket.names()[2]
    damage(bucket, name)
    done = federim(site, "check", "--json")
    assert done.exit_code == LakeError.exit_code
    said = [problem["found"] for problem in json.loads(done.stdout)["problems"]]
    assert any(says in each for each in said), said
    assert name not in done.stdout and bucket.name not in done.stdout


def test_what_nothing_speaks_of_is_vacuumed_from_bucket_and_copies(site: Home, bucket: Bucket) -> None:
    before = bucket.names()
    orphan = images.store(site, b"without a row")
    assert images.read(site, orphan.path).exists()
    bucket.client.put_object(Bucket=bucket.name, Key=key("notes.txt"), Body=b"not an object")
    young = vacuuming.vacuum(site)
    assert (young.objects, young.kept) == (0, 1)
    foreseen = vacuuming.vacuum(site, older_than=-1, dry_run=True)
    assert (foreseen.objects, foreseen.object_bytes) == (1, 13) and orphan.path in bucket.names()
    assert vacuuming.vacuum(site, older_than=-1) == foreseen
    assert bucket.names() == before
    assert not list(site.object_copies.rglob(f"{orphan.sha256}*"))
    assert bucket.client.get_object(Bucket=bucket.name, Key=key("notes.txt"))["Body"].read()
    assert check(site, sample=0).problems == ()


def test_a_bucket_that_keeps_versions_is_not_vacuumed(site: Home, bucket: Bucket) -> None:
    orphan = images.store(site, b"without a row")
    bucket.version("Enabled")
    with pytest.raises(LakeError, match="keeps versions"):
        vacuuming.vacuum(site, older_than=-1)
    assert orphan.path in bucket.names()


def test_a_listing_that_is_refused_is_said_without_an_address(
    site: Home, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy that lets the home put and get, and not list."""
    from moto.s3 import responses  # the server runs in a thread of this process

    def refused(*_: Any, **__: Any) -> Any:
        return 403, {}, f"<Error><Code>AccessDenied</Code><Message>{bucket.name}</Message></Error>"

    monkeypatch.setattr(responses.S3Response, "list_objects_v2", refused)
    with pytest.raises(LakeError, match="bucket's policy allows") as said:
        check(site)
    assert bucket.name not in str(said.value) and said.value.__suppress_context__
