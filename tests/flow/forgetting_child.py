"""Forget a person in child processes that kill themselves, each at another moment: `python … JSON`."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

# What a process does to files, and so where a kill may leave them between two states.
TOUCHES = ("os.rename", "os.remove", "os.rmdir", "os.link", "os.mkdir")
WRITES = os.O_WRONLY | os.O_RDWR


class Countdown:
    """Counts what touches the home, and kills the process when the count is reached."""

    def __init__(self, at: int) -> None:
        self.touched = 0
        self._at = at
        self.armed = False

    def touch(self) -> None:
        if self.armed:
            self.touched += 1
            if self.touched == self._at:
                os.kill(os.getpid(), signal.SIGKILL)

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in TOUCHES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES):
            self.touch()


def forget(root: str, number: str, at: int) -> int:
    """Forget whoever has a number; returns how often the home was touched."""
    from federim.cli.rights import places
    from federim.governance.rights.erasure import forget as forget_
    from federim.home import Home
    from federim.identity.rights import Rights
    from federim.identity.vault.sqlite import SqliteDatabase

    countdown = Countdown(at)
    sys.addaudithook(countdown.hook)
    run = SqliteDatabase.run

    def counted(self, sql, parameters=()):  # type: ignore[no-untyped-def]
        countdown.touch()  # SQLite's own writes are no event of Python's
        return run(self, sql, parameters)

    SqliteDatabase.run = counted  # type: ignore[method-assign]
    home = Home.open(Path(root))
    with Rights.open(home) as rights:
        whom = rights.find.by_ipp(number)
        countdown.armed = True
        forget_(home, rights, whom, outside=places(rights), actor="olga")
        countdown.armed = False
    return countdown.touched


def main() -> None:
    """Fork a child for each home of `{"homes": {root: at}, "number": …}`; print what became of each."""
    # All that is needed, before the first fork: threads do not survive one.
    import federim.cli.rights
    import federim.governance.rights.erasure  # noqa: F401
    import federim_federated.opposition  # noqa: F401
    import federim_pipelines.forgetting.steps  # noqa: F401
    from federim.database import ready

    ready()
    told = json.loads(sys.stdin.read())
    outcomes = {}
    for root, at in told["homes"].items():
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writer, str(forget(root, told["number"], at)).encode())
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
