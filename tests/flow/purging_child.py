"""Purge in child processes that kill themselves, each at another moment: `python … JSON`."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from pathlib import Path

from forgetting_child import Countdown


def purge(root: str, day: dt.date, at: int) -> int:
    """Purge a home; returns how often it was touched."""
    from federim.governance.retention import purge as purging
    from federim.home import Home
    from federim.identity.vault.sqlite import SqliteDatabase
    from federim_pipelines.forgetting.beside import forget_persons

    countdown = Countdown(at)
    sys.addaudithook(countdown.hook)
    run = SqliteDatabase.run

    def counted(self, sql, parameters=()):  # type: ignore[no-untyped-def]
        countdown.touch()  # SQLite's own writes are no event of Python's
        return run(self, sql, parameters)

    SqliteDatabase.run = counted  # type: ignore[method-assign]
    purging.PERSONS_AT_A_TIME = 4  # type: ignore[misc]
    home = Home.open(Path(root))
    countdown.armed = True
    purging.purge(home, "olga", today=day, beside=[forget_persons])
    countdown.armed = False
    return countdown.touched


def main() -> None:
    """Fork a child for each home of `{"homes": {root: at}, "day": …}`; print what became of each."""
    # All that is needed, before the first fork: threads do not survive one.
    import federim.governance.retention.purge  # noqa: F401
    import federim_pipelines.forgetting.beside  # noqa: F401
    from federim.database import ready

    ready()
    told = json.loads(sys.stdin.read())
    outcomes = {}
    for root, at in told["homes"].items():
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writer, str(purge(root, dt.date.fromisoformat(told["day"]), at)).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as answer:
            touched = answer.read()
        _, status = os.waitpid(child, 0)
        outcomes[root] = {
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "touched": touched,
        }
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main()
