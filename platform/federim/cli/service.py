"""Keep a listener up until it is stopped, and bring what it takes into the lake behind it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from federim.cli.context import ERR, report
from federim.cli.stopping import heeding_sigterm
from federim.model.errors import UserError

if TYPE_CHECKING:
    from federim_pipelines.accounting import RunReport
    from federim_pipelines.behind import Draining
    from federim_pipelines.spool import Spool

Listener = Callable[[Callable[[], None]], "AbstractContextManager[Draining]"]
"""Listens as long as its block lasts, tells its argument of each object kept, and says how those are read."""


def serve(spool: Spool, listener: Listener, *, ready: str, quiet: float, as_json: bool) -> None:
    """Listen until Ctrl-C or SIGTERM, which is how it ends well; then report.

    Parameters
    ----------
    ready : str
        What is said once it listens.
    quiet : float
        Seconds without a new object after which the lake reads them.
    """
    from federim_pipelines.behind import drain_behind

    counts: Counter[str] = Counter()
    one_at_a_time = threading.Lock()

    def keep() -> None:
        with one_at_a_time:  # several senders have a thread each
            counts["received"] += 1

    def count(done: RunReport) -> None:
        counts.update(
            runs=1,
            accepted=done.accepted,
            duplicates=done.duplicates,
            parked=done.parked,
            quarantined=done.quarantined,
        )
        ERR.print(
            f"{done.run}: {done.accepted:,} accepted, {done.duplicates:,} duplicates, "
            f"{done.parked:,} parked, {done.quarantined:,} quarantined"
        )

    def complain(error: UserError) -> None:
        ERR.print(f"federim: {error}; tried again in a while", markup=False, style="red")

    try:
        with heeding_sigterm(), listener(keep) as draining:
            ERR.print(ready, markup=False)
            drain_behind(spool, draining, threading.Event(), quiet=quiet, done=count, refused=complain)
    except KeyboardInterrupt:
        pass
    words = ("received", "runs", "accepted", "duplicates", "parked", "quarantined")
    document = {word: counts[word] for word in words} | {"waiting": len(spool.waiting)}
    report(document, "\n".join(f"{n:>9,} {word}" for word, n in document.items()), as_json=as_json)
