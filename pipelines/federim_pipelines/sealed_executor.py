"""Have work done among programs that look on: what travels to and from it is sealed under the home's key."""

from __future__ import annotations

import io
import pickle
import platform
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, ParamSpec, Self, TypeVar
from weakref import ref

from federim import __version__
from federim.home import Home
from federim.model.errors import InputError
from federim_pipelines.parked.sealed import opened, seal

P = ParamSpec("P")
T = TypeVar("T")

KEY_PURPOSE: Final = "dispatch"

MADE_BY: Final = f"Federim {__version__} on Python {platform.python_version()}"


class WorkersLost(InputError):
    """Those who were to read cannot go on, whatever they are given; what was committed stays."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Work or its answer, encrypted. It shows the home's folder and how long it is, and nothing else.

    A scheduler keeps what it is sent, logs it where it fails, writes it to its disk when memory is short,
    and passes answers on. What a batch holds identifies patients: names of files, texts that a reviewer
    rejected, pictures of text in pixels. The key is never in it: each worker reads it from the home.
    """

    home: Path
    made_by: str
    sealed: bytes = field(repr=False)

    @classmethod
    def of(cls, home: Home, content: object) -> Self:
        """Seal anything that can be pickled."""
        target = io.BytesIO()
        plain = pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL)
        seal(home.secret(KEY_PURPOSE), b"", (plain,), target)
        return cls(home.root, MADE_BY, target.getvalue())

    def content(self, home: Home) -> Any:
        """What was sealed.

        Raises
        ------
        VerificationFailed
            It was changed, or sealed under another home's key.
        """
        _, *chunks = opened(home.secret(KEY_PURPOSE), io.BytesIO(self.sealed))
        return pickle.loads(b"".join(chunks))  # noqa: S301 — only holders of the home's key can have sealed it


class SealedExecutor(Executor):
    """Gives its work to another executor, sealed. Shutting that one down stays its owner's.

    Parameters
    ----------
    width : callable
        How many pieces of work the other executor can do at a time; it may change.
    """

    def __init__(self, inner: Executor, home: Home, width: Callable[[], int]) -> None:
        self._inner = inner
        self._home = home
        self._width = width

    @property
    def _max_workers(self) -> int:
        return self._width()

    def submit(self, work: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> Future[T]:
        """As `Executor.submit`; what `work` raises is raised by the future, as everywhere."""
        told = self._send(Parcel.of(self._home, (work, arguments, named)))
        answer: Future[T] = Future()

        def arrived(told: Future[Parcel]) -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                result, error = told.result().content(self._home)
            except BaseException as failure:
                result, error = None, self._failure(failure)
            if error is None:
                answer.set_result(result)
            else:
                answer.set_exception(error)

        # Not the future itself: as long as anybody holds it, a cluster repeats work whose answer it lost.
        pending = ref(told)

        def dropped(answer: Future[T]) -> None:
            if answer.cancelled() and (told := pending()) is not None:
                told.cancel()

        answer.add_done_callback(dropped)
        told.add_done_callback(arrived)
        return answer

    def quiet(self) -> None:
        """Return once nothing is being done any more: work may have been repeated after its answer came."""

    def _send(self, parcel: Parcel) -> Future[Parcel]:
        return self._inner.submit(carried_out, parcel)

    def _failure(self, error: BaseException) -> BaseException:
        """What it means that the other executor brought no answer."""
        return error


def carried_out(parcel: Parcel) -> Parcel:
    """Do the work in a parcel, where it arrives; what the work raises is in the answer.

    Raises
    ------
    HomeError
        The home's folder cannot be seen from here.
    VerificationFailed
        The home here is not the one that sent it.
    WorkersLost
        This is another Federim or Python, whose rows might differ.
    """
    if parcel.made_by != MADE_BY:
        raise WorkersLost(
            f"a worker runs {MADE_BY} and this run {parcel.made_by}: install the same on both, start it again"
        )
    home = Home.open(parcel.home)
    work, arguments, named = parcel.content(home)
    try:
        return Parcel.of(home, (work(*arguments, **named), None))
    except Exception as error:
        return Parcel.of(home, (None, error))
