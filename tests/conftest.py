"""Fixtures every test may use: fresh homes, and the real files where they are at hand."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connections
from hypothesis import settings
from s3_server import Bucket, new_bucket, s3_server

from federim.database import migrate
from federim.home import Home, Role

# How long an example takes says more of the machine than of the code.
settings.register_profile("federim", deadline=None)
settings.load_profile("federim")

SHARED_DATA = Path(__file__).parents[1] / "../shared/data"
POSTGRESQL_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture(autouse=True)
def no_home_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own FEDERIM_… settings must not reach a test."""
    for name in [name for name in os.environ if name.startswith("FEDERIM_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def homes_are_closed() -> Iterator[None]:
    """Django keeps a connection a home open, and some libraries cannot wait on file 1,024 and beyond."""
    yield
    if django_settings.configured:
        connections.close_all()


@pytest.fixture
def shared_data() -> Path:
    """Real DICOM and clinical files; tests that ask for them skip, saying so, where they are absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("../shared/data is not here: real files are not part of the project")
    return SHARED_DATA.resolve()


@pytest.fixture
def make_home(tmp_path: Path) -> Callable[..., Home]:
    """Build a home in a temporary folder: `make_home()` is a site called alpha, migrated."""

    def build(name: str = "alpha", role: Role = Role.SITE, **settings: object) -> Home:
        home = Home.create(tmp_path / name, role=role, name=name, **settings)
        migrate(home)
        return home

    return build


@pytest.fixture
def site(make_home: Callable[..., Home]) -> Home:
    """One site home."""
    return make_home()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The URL of an S3 server on loopback."""
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str) -> Bucket:
    """An empty bucket of that server, of one test alone."""
    return new_bucket(s3_endpoint)


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """An empty database of a real PostgreSQL on loopback, started here and stopped by its own process id."""
    if not POSTGRESQL_PROGRAMS:
        pytest.fail("PostgreSQL is not installed; run `make integration`, which installs it")
    programs = POSTGRESQL_PROGRAMS[-1]
    # Not pytest's own folder, which any other run of pytest closes to other accounts again.
    folder = Path(tempfile.mkdtemp(prefix="federim-postgresql-"))
    # PostgreSQL refuses to run as root, so root hands the cluster to the account the package made.
    account: dict[str, int] = {}
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        account = {"user": owner.pw_uid, "group": owner.pw_gid}
        shutil.chown(folder, owner.pw_uid, owner.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cluster = folder / "cluster"
    subprocess.run(
        [programs / "initdb", "-D", cluster, "-U", "federim", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        capture_output=True,
        cwd=folder,
        **account,
    )
    options = f"-h 127.0.0.1 -p {port} -k {folder}"
    control = [programs / "pg_ctl", "-D", cluster, "-w", "-l", folder / "log"]
    subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, cwd=folder, **account)
    try:
        yield f"postgresql://federim@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run(
            [*control, "-m", "fast", "stop"], check=True, capture_output=True, cwd=folder, **account
        )
        shutil.rmtree(folder)
