"""Have the workers of a Dask cluster read, once it is sure that they can."""

from __future__ import annotations

import logging
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final, Self

from federim.home import Home
from federim.model.errors import FederimError, InputError
from federim_pipelines.sealed_executor import Parcel, SealedExecutor, WorkersLost, carried_out

SECONDS_FOR_THE_SCHEDULER: Final = 10
SECONDS_FOR_A_WORKER: Final = 60  # a batch system may have to start it
_SECONDS_BETWEEN_LOOKS: Final = 1.0

# What Dask raises for an address of no known kind, without a certificate, or against its configuration.
_UNUSABLE: Final = (ValueError, TypeError, RuntimeError)


@contextmanager
def dask_workers(address: str, home: Home, shared: Iterable[Path] = ()) -> Iterator[Executor]:
    """The workers of the Dask scheduler at `address`, as an executor.

    Workers open the home themselves, so its folder must lie at the same path for all of them, and so must
    what is read: keys are in the home and never travel, and what travels is sealed under one of them (see
    `sealed_executor.Parcel`). Still, who can reach a scheduler can run programs on its workers: between
    machines use `tls://`, with the certificates in Dask's own configuration (`distributed.comm.tls`).

    A batch whose worker dies is given to another, as often as the scheduler's `allowed-failures` says
    (3 unless configured); after that the driver reads it, in a process apart.

    Parameters
    ----------
    shared : paths
        What else the workers must see.

    Raises
    ------
    InputError
        `distributed` is not installed; no scheduler answers; no worker comes; or one of the workers there
        now has another Federim or Python, does not see the home or `shared`, or is on another machine while
        the vault is a SQLite file.
    """
    try:
        distributed: Any = import_module("distributed")
    except ModuleNotFoundError:
        raise InputError("--dask needs Dask's distributed: install federim[cluster]") from None
    for name in ("distributed", "distributed.client"):
        # Tracebacks of connections lost, which is what the errors below say in a line.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = distributed.Client(address, timeout=SECONDS_FOR_THE_SCHEDULER, set_as_default=False)
    except (OSError, *_UNUSABLE) as error:
        raise InputError(
            f"no Dask scheduler answers at {address} within {SECONDS_FOR_THE_SCHEDULER} s "
            f"({type(error).__name__}): see that it runs, and that the address is tcp://HOST:PORT, or "
            "tls://HOST:PORT with the certificates in Dask's configuration (distributed.comm.tls)"
        ) from None
    with client:
        _check(client, home, [path.absolute() for path in shared])
        with _DaskExecutor(client, home) as executor:
            yield executor


class _DaskExecutor(SealedExecutor):
    def __init__(self, client: Any, home: Home) -> None:
        super().__init__(client.get_executor(pure=False), home, self._threads)
        self._client = client
        self._killed: type[Exception] = import_module("distributed.scheduler").KilledWorker
        # What a scheduler's pages call the work of this home; a run that was killed may have left some.
        self._name = f"federim-{home.secret('dispatch name').hex()[:16]}"
        self._run, self._numbers = secrets.token_hex(8), count()
        self._lost = ""
        self._ended = Event()
        self._watching = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self.quiet()
        self.submit(_nothing).result()  # the scheduler too must know Federim to pass it on
        self._watching.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._watching.join()

    def quiet(self) -> None:
        while any(_answered(self._client.run, _is_busy, self._name).values()):
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _send(self, parcel: Parcel) -> Future[Parcel]:
        self._require()
        # `Executor.submit` has no word for a key: Dask's own takes it beside the work's arguments.
        return self._inner.submit(carried_out, parcel, key=f"{self._name}-{self._run}-{next(self._numbers)}")  # type: ignore[call-arg]

    def _failure(self, error: BaseException) -> BaseException:
        if isinstance(error, CancelledError):
            return WorkersLost(self._lost or _NO_SCHEDULER)
        if isinstance(error, FederimError | self._killed):
            return error
        return WorkersLost(f"{_NOT_RUN} ({type(error).__name__})")

    def _threads(self) -> int:
        """Of all workers there are now: they come and go."""
        self._require()
        return max(1, sum(_answered(self._client.nthreads).values()))

    def _require(self) -> None:
        if self._lost or self._client.status != "running":
            raise WorkersLost(self._lost or _NO_SCHEDULER)

    def _watch(self) -> None:
        """Give up once there is nobody to do the work: the scheduler alone would wait for ever."""
        seen = time.monotonic()
        while not self._ended.wait(_SECONDS_BETWEEN_LOOKS):
            now = time.monotonic()
            try:
                self._require()
                if _answered(self._client.nthreads):
                    seen = now
                elif now - seen > SECONDS_FOR_A_WORKER:
                    raise WorkersLost(_NO_WORKER)
            except WorkersLost as lost:
                self._lost = str(lost)
                self._inner.shutdown(wait=False)  # cancels all that waits
                return


_NO_SCHEDULER: Final = (
    "the Dask scheduler no longer answers: what was committed stays; start it, and the same command again"
)
_NOT_RUN: Final = "the Dask scheduler or a worker cannot run Federim: install the same on all of them as here"
_NO_WORKER: Final = (
    "the last Dask worker is gone, and no other came: what was committed stays; start some, and the same "
    "command again"
)


def _answered(ask: Callable[..., dict[str, int]], *arguments: object) -> dict[str, int]:
    """What workers say, or the scheduler of them, by their address."""
    try:
        return ask(*arguments)
    except OSError:
        raise WorkersLost(_NO_SCHEDULER) from None


def _is_busy(name: str, dask_worker: Any) -> bool:
    """Whether a worker does work of that name, though it may have been told to drop it."""
    return any(str(task.key).startswith(name) for task in dask_worker.state.executing)


def _check(client: Any, home: Home, shared: Sequence[Path]) -> None:
    try:
        client.wait_for_workers(1, timeout=SECONDS_FOR_A_WORKER)
    except TimeoutError:
        raise InputError(
            f"the Dask scheduler has had no worker for {SECONDS_FOR_A_WORKER} s: start some, "
            "as many as are to read, of one thread each"
        ) from None
    answers = client.run(carried_out, Parcel.of(home, (_unseen, (shared,), {})), on_error="return")
    hosts = [_host(answer, home, shared, len(answers)) for answer in answers.values()]
    if not home.settings.vault_url and set(hosts) - {socket.gethostname()}:
        raise InputError(
            "workers on other machines cannot share a vault kept in a SQLite file, as network file systems "
            "do not keep its locks: move it to PostgreSQL (vault_url in federim.toml)"
        )


def _host(answer: Any, home: Home, shared: Sequence[Path], workers: int) -> str:
    """The machine a worker is on, if it can read for this home."""
    if isinstance(answer, FederimError):
        raise InputError(f"one of {workers} Dask workers cannot read for this home: {answer}")
    if isinstance(answer, BaseException):
        raise InputError(f"{_NOT_RUN} ({type(answer).__name__}, on one of {workers})")
    told, error = answer.content(home)
    if error is not None:
        raise InputError(f"one of {workers} Dask workers cannot look at the paths ({type(error).__name__})")
    host: str
    host, unseen = told
    if unseen:
        raise InputError(
            f"{len(unseen)} of {len(shared)} paths this command reads are not seen by the Dask worker on "
            f"{host}: mount them there, at the same place"
        )
    return host


def _nothing() -> None:
    pass


def _unseen(paths: Sequence[Path]) -> tuple[str, list[Path]]:
    return socket.gethostname(), [path for path in paths if not path.exists()]
