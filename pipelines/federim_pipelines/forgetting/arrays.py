"""Remove a person from what was decoded for training."""

from __future__ import annotations

from federim.home import Home
from federim.identity.rights import Erasure
from federim.lake.arrays import kept
from federim.lake.locks import nobody_copies


class EraseArrays:
    """The step of the training cache.

    That of a project is for all of them: an array does not say for whom it was decoded. Whoever may still
    use the person decodes anew; whoever may not leaves them out before it decodes.
    """

    name = "arrays"
    of_projects = True

    def __call__(self, home: Home, erasure: Erasure) -> dict[str, int]:
        if not home.arrays.exists():
            return {"arrays": 0}
        with nobody_copies(home):
            return {"arrays": kept.take_out(home, erasure.persons).arrays}
