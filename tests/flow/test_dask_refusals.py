"""A cluster that cannot read for a home is refused before anything is read; one that is lost ends the run."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dask_processes import DaskProcesses, dask_processes
from typer.testing import CliRunner
from what_a_home_holds import listed_hashes, object_hashes, table_hashes

from federim.cli.main import app
from federim.home import Home
from federim.model.errors import InputError
from federim_pipelines import batches, cluster
from federim_pipelines.cluster import dask_workers
from federim_pipelines.progress import Silence
from federim_pipelines.run import ingest
from federim_pipelines.sealed_executor import WorkersLost

pytest.importorskip("distributed", reason="Dask is in the extra `cluster`")


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[DaskProcesses]:
    """Without a worker yet."""
    with dask_processes(tmp_path / "dask", 0) as started:
        yield started


def refusal(address: str, home: Home, *shared: Path) -> str:
    with pytest.raises(InputError) as refused, dask_workers(address, home, shared):
        pass
    return str(refused.value)


def test_processes_and_a_cluster_exclude_each_other(site: Home, inbox: Path) -> None:
    words = ["--home", str(site.root), "ingest", str(inbox), "--workers", "2", "--dask", "tcp://127.0.0.1:1"]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, InputError)
    assert "either --workers" in str(done.exception)


def test_without_dask_it_is_said_what_to_install(site: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "install federim[cluster]" in refusal("tcp://127.0.0.1:1", site)


@pytest.mark.parametrize("scheme", ["tcp://", "tls://", "nonsense://"])
def test_no_scheduler(site: Home, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "SECONDS_FOR_THE_SCHEDULER", 1)
    with socket.socket() as silent:  # bound, and never listening
        silent.bind(("127.0.0.1", 0))
        address = f"{scheme}127.0.0.1:{silent.getsockname()[1]}"
        assert f"no Dask scheduler answers at {address} within 1 s" in refusal(address, site)


def test_no_worker(site: Home, scheduler: DaskProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "SECONDS_FOR_A_WORKER", 1)
    assert "has had no worker for 1 s" in refusal(scheduler.address, site)


@pytest.mark.parametrize(
    ("preload", "said"),
    [
        ("import federim; federim.__version__ = '0.0.1'", "a worker runs Federim 0.0.1 on Python"),
        ("import sys; sys.modules['federim_pipelines'] = None", "a worker cannot run Federim"),
        ("import socket; socket.gethostname = lambda: 'elsewhere'", "vault_url in federim.toml"),
    ],
    ids=["another version", "not installed", "another machine"],
)
def test_a_worker_that_cannot_read_for_the_home(
    site: Home, scheduler: DaskProcesses, preload: str, said: str
) -> None:
    scheduler.worker("--preload", preload)
    assert said in refusal(scheduler.address, site)


def test_a_scheduler_that_has_no_federim(site: Home, tmp_path: Path) -> None:
    preload = "import sys; sys.modules['federim_pipelines'] = None"
    with dask_processes(tmp_path / "dask", 1, options=("--preload", preload)) as started:
        assert "the Dask scheduler or a worker cannot run Federim" in refusal(started.address, site)


def test_what_the_workers_do_not_see(site: Home, scheduler: DaskProcesses, inbox: Path) -> None:
    scheduler.worker()
    descriptor = os.open(site.root, os.O_RDONLY)
    try:
        # This process's own word for the folder, of which another knows nothing.
        away = Home.open(Path(f"/proc/self/fd/{descriptor}"))
        told = refusal(scheduler.address, away)
    finally:
        os.close(descriptor)
    assert "one of 1 Dask workers cannot read for this home" in told
    told = refusal(scheduler.address, site, inbox, inbox / "patient-DUPONT")
    assert "1 of 2 paths this command reads are not seen by the Dask worker" in told
    assert "DUPONT" not in told + scheduler.said()


class KillingOnce(Silence):
    """Kills a process at the first file done."""

    def __init__(self, kill: Callable[[], None]) -> None:
        self._kill = kill
        self._killed = False

    def stage(self, name: str, total: int | None = None) -> None:
        self._reading = name == "files"

    def advance(self) -> None:
        if self._reading and not self._killed:
            self._killed = True
            self._kill()


@pytest.mark.parametrize(
    ("doomed", "said"), [(0, "the Dask scheduler no longer answers"), (1, "the last Dask worker is gone")]
)
def test_a_cluster_that_is_lost_ends_the_run_and_the_next_completes_it(
    site: Home,
    twin: Callable[[Home, str], Home],
    inbox: Path,
    write_image: Callable[..., Path],
    scheduler: DaskProcesses,
    monkeypatch: pytest.MonkeyPatch,
    doomed: int,
    said: str,
) -> None:
    for number in range(60):
        write_image(f"{number}.dcm", number=number)
    monkeypatch.setattr(batches, "BATCH_WEIGHT", 5)
    monkeypatch.setattr(cluster, "SECONDS_FOR_A_WORKER", 5)
    scheduler.worker()
    with pytest.raises(WorkersLost, match=said), dask_workers(scheduler.address, site) as executor:
        ingest(site, [inbox], executor=executor, progress=KillingOnce(scheduler.processes[doomed].kill))
    ingest(site, [inbox])
    alone = twin(site, "alone")
    ingest(alone, [inbox])
    assert table_hashes(site) == table_hashes(alone)
    assert object_hashes(site) == listed_hashes(site) == listed_hashes(alone)
