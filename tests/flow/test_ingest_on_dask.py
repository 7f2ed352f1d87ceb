"""A Dask cluster fills the lake as one process does, whatever becomes of its workers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "unit/identity/keyserver"))
from consortium_paper import Authority
from dask_processes import DaskProcesses, dask_processes
from deadly_reading import DEADLY, read_or_die
from what_a_home_holds import listed_hashes, object_hashes, table_hashes

from federim.home import Home
from federim.model.errors import InputError
from federim_pipelines import crew
from federim_pipelines.cluster import dask_workers
from federim_pipelines.items import Reason
from federim_pipelines.progress import Silence
from federim_pipelines.run import ingest

pytest.importorskip("distributed", reason="Dask is in the extra `cluster`")

TLS = "DASK_DISTRIBUTED__COMM__TLS__"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DaskProcesses]:
    """Two workers."""
    with dask_processes(tmp_path / "dask", 2) as started:
        yield started


@pytest.fixture
def fill_inbox(write_image: Callable[..., Path], write_bundle: Callable[..., Path]) -> Callable[[int], None]:
    """So many slices of six patients, their results, and a conflict that goes to quarantine."""

    def build(slices: int) -> None:
        for number in range(slices):
            write_image(f"ct/{number:04d}.dcm", patient=f"IPP-p{number % 6}", number=number)
        write_image("zz-conflict.dcm", patient="IPP-p1", number=1, Manufacturer="Another")
        for number in range(6):
            write_bundle(f"p{number}.json", patient=f"p{number}", results=20)

    return build


def assert_alike(home: Home, other: Home) -> None:
    assert table_hashes(home) == table_hashes(other)
    assert object_hashes(home) == listed_hashes(home) == listed_hashes(other)


def test_the_command_fills_the_same_lake_on_a_cluster(
    site: Home,
    twin: Callable[[Home, str], Home],
    inbox: Path,
    fill_inbox: Callable[[int], None],
    cluster: DaskProcesses,
) -> None:
    fill_inbox(250)
    alone = twin(site, "alone")
    expected = ingest(alone, [inbox])
    words = ["--home", str(site.root), "ingest", str(inbox), "--dask", cluster.address, "--json"]
    command = [sys.executable, "-c", "from federim.cli.main import run; run()", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told | {"run": "", "seconds": 0} == json.loads(
        json.dumps(expected.as_json() | {"run": "", "seconds": 0})
    )
    assert_alike(site, alone)
    said = cluster.said()
    assert inbox.name not in said
    assert "IPP-p" not in said


class Killing(Silence):
    """Kills a process once so many files are done."""

    def __init__(self, process: subprocess.Popen[bytes], files: int) -> None:
        self._process = process
        self._left = files

    def stage(self, name: str, total: int | None = None) -> None:
        self._counting = name == "files"

    def advance(self) -> None:
        self._left -= self._counting
        if self._left == 0:
            self._process.kill()
            self._process.wait()


def test_a_killed_workers_batches_are_read_by_another(
    site: Home,
    twin: Callable[[Home, str], Home],
    inbox: Path,
    fill_inbox: Callable[[int], None],
    cluster: DaskProcesses,
) -> None:
    fill_inbox(500)
    alone = twin(site, "alone")
    expected = ingest(alone, [inbox])
    doomed = cluster.processes[-1]
    with dask_workers(cluster.address, site, [inbox]) as executor:
        while executor._max_workers < 2:
            time.sleep(0.05)
        report = ingest(site, [inbox], executor=executor, progress=Killing(doomed, 10))
    assert doomed.poll() == -9
    assert report.as_json() | {"run": "", "seconds": 0} == expected.as_json() | {"run": "", "seconds": 0}
    assert_alike(site, alone)


def test_a_file_that_kills_every_worker_is_the_only_one_refused(
    site: Home,
    inbox: Path,
    fill_inbox: Callable[[int], None],
    write_image: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill_inbox(30)
    write_image(f"ct/{DEADLY}", number=99)
    monkeypatch.setattr(crew, "read_batch", read_or_die)
    with dask_processes(tmp_path / "dask", 0) as cluster:
        cluster.worker(nanny=True)
        with dask_workers(cluster.address, site, [inbox]) as executor:
            report = ingest(site, [inbox], executor=executor)
    assert report.reasons == {Reason.FAILED: 1, Reason.INSTANCE_CONFLICT: 1}
    assert report.details == {(Reason.FAILED, "BrokenProcessPool"): 1}
    assert (report.accepted, report.quarantined) == (30 + 6, 2)


def test_a_cluster_over_tls_asks_for_a_certificate(
    site: Home,
    inbox: Path,
    fill_inbox: Callable[[int], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill_inbox(2)
    authority = Authority(tmp_path / "paper")
    command = [sys.executable, "-c", "from federim.cli.main import run; run()", "--home", str(site.root)]
    # As Dask reads its configuration from the environment.
    monkeypatch.setenv(f"{TLS}CA_FILE", str(authority.certificate))
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION", "true")
    for who in ("SCHEDULER", "WORKER"):
        paper = authority.paper(who.lower())
        monkeypatch.setenv(f"{TLS}{who}__CERT", str(paper.certificate))
        monkeypatch.setenv(f"{TLS}{who}__KEY", str(paper.key))
    with dask_processes(tmp_path / "dask", 1, options=("--protocol", "tls")) as cluster:
        assert cluster.address.startswith("tls://")
        command += ["ingest", str(inbox), "--dask", cluster.address, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == InputError.exit_code
        assert "no Dask scheduler answers" in done.stderr
        paper = authority.paper("site")
        monkeypatch.setenv(f"{TLS}CLIENT__CERT", str(paper.certificate))
        monkeypatch.setenv(f"{TLS}CLIENT__KEY", str(paper.key))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accepted"] == 2 + 6
