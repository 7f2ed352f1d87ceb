"""Build a workspace, or have a person leave it, in a process that kills itself: `python … JSON`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from forgetting_child import Countdown


def main() -> None:
    """Do `{"act": "build" or "leave", "root", "to", "person", "at"}`; print how many touches it took."""
    from workspaces_of_a_site import built

    from federim.database import ready
    from federim.home import Home
    from federim.model.identifiers import Pseudonym
    from federim_pipelines.workspace.settle import have_leave

    ready()
    told = json.loads(sys.argv[1])
    home, countdown = Home.open(Path(told["root"])), Countdown(told["at"])
    sys.addaudithook(countdown.hook)
    countdown.armed = True
    if told["act"] == "build":
        built(home, "one", Path(told["to"]), pixels=True)
    else:
        have_leave(home, [Pseudonym(told["person"])])
    countdown.armed = False
    print(countdown.touched)


if __name__ == "__main__":
    main()
