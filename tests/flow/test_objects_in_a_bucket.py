"""A site whose images are in a bucket has the same lake as one whose images are in its folder."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from byte_search import find
from hospital_that_forgets import OFFICER, Hospital, people, write_inbox
from persons_in_a_lake import content
from s3_server import CREDENTIALS, Bucket

from federim.database import migrate
from federim.governance.rights.erasure import forget
from federim.home import SETTINGS_FILE, Home, Role
from federim.identity.keyserver import create_key_file
from federim.identity.rights import Rights
from federim.lake import images, snapshot
from federim.lake.reader import connect_home, query
from federim_pipelines.forgetting.steps import places
from federim_pipelines.processes import process_pool
from federim_pipelines.run import ingest

WITH_IMAGES, OTHER = people()[:2]

Pair = tuple[Hospital, Hospital]


@pytest.fixture
def pair(tmp_path: Path, bucket: Bucket) -> Pair:
    """One hospital twice, same keys, same input: images in a folder, and in a bucket by two processes."""
    create_key_file(tmp_path / "oprf.key")
    folder = Home.create(
        tmp_path / "folder", role=Role.SITE, name="alpha", key_server=f"embedded:{tmp_path / 'oprf.key'}"
    )
    root = Path(shutil.copytree(folder.root, tmp_path / "bucket"))
    with (root / SETTINGS_FILE).open("a") as file:
        file.write(
            f'objects_url = "s3://{bucket.name}/centre/objects"\ns3_endpoint = "{bucket.endpoint}"\n'
            's3_region = "us-east-1"\ns3_credentials = "s3.credentials"\n'
        )
    (root / "s3.credentials").write_text(CREDENTIALS)
    (root / "s3.credentials").chmod(0o400)
    inbox = write_inbox(tmp_path / "inbox")
    hospitals = Hospital(folder, inbox), Hospital(Home.open(root), inbox)
    for hospital in hospitals:
        migrate(hospital.home)
    assert ingest(hospitals[0].home, [inbox], actor=OFFICER).quarantined == 0
    with process_pool(2) as executor:
        assert ingest(hospitals[1].home, [inbox], actor=OFFICER, executor=executor).quarantined == 0
    return hospitals


def in_folder(home: Home) -> list[str]:
    return sorted(path.relative_to(home.objects).as_posix() for path in home.objects.rglob("*.dcm"))


def cohort(home: Home) -> tuple[list[dict[str, object]], str]:
    """What a researcher's query of the images says, and a snapshot of all."""
    (home.cohorts / "everyone.toml").write_text(
        'title = "Everyone"\n[person]\nyear_of_birth = { at_least = 1900 }\n'
    )
    frozen = snapshot.verify(home, snapshot.freeze(home, "everyone"))
    with connect_home(home) as connection:
        rows = query(connection, "SELECT person_id, path FROM instance_file ORDER BY path", seconds=60)
    return rows.to_pylist(), frozen.id


def test_the_lake_is_the_same_wherever_images_lie(pair: Pair, bucket: Bucket) -> None:
    folder, site = (hospital.home for hospital in pair)
    assert len(bucket.names()) == 4 and bucket.names() == in_folder(folder)
    assert in_folder(site) == []
    for name in bucket.names():
        assert hashlib.sha256(bucket.content(name)).hexdigest() == Path(name).stem
        assert images.read(site, name).read_bytes() == images.read(folder, name).read_bytes()
    assert content(site) == content(folder)
    assert cohort(site)[0] == cohort(folder)[0]
    # Read again, nothing is added, in the bucket either.
    before = bucket.names()
    ingest(site, [pair[1].inbox], actor=OFFICER)
    assert (bucket.names(), content(site)) == (before, content(folder))


def test_who_is_erased_is_gone_from_the_bucket_and_the_copies(pair: Pair, bucket: Bucket) -> None:
    site = pair[1]
    for hospital in pair:
        cohort(hospital.home)
    for name in bucket.names():
        images.read(site.home, name)
    secrets, kept = site.secrets(WITH_IMAGES), site.pseudonym(OTHER)
    for hospital in pair:
        with Rights.open(hospital.home) as rights:
            whom = rights.find.by_ins(WITH_IMAGES.ins)
            done = forget(hospital.home, rights, whom, project="", outside=places(rights), actor=OFFICER)
        assert done.rows_left == 0
    assert len(bucket.names()) == 2 and bucket.names() == in_folder(pair[0].home)
    copies = site.home.object_copies
    assert sorted(path.relative_to(copies).as_posix() for path in copies.rglob("*.dcm")) == bucket.names()
    assert find(site.home.root, secrets) == []
    stored = b"".join(bucket.content(name) for name in bucket.names())
    assert not any(secret.encode() in stored for secret in secrets) and kept.encode() in stored
    assert content(site.home) == content(pair[0].home)
