"""Name what is refused, for who holds the home's key alone."""

from __future__ import annotations

from federim.home import Home
from federim.keys import keyed
from federim_pipelines.items import Refusal


class Quarantine:
    """Names refusals, so that the same one met again is the same row, and so that the file is found again.

    `item` is a keyed hash of the file's name below the path given to the run (`Inputs.name`), which tells
    nothing to who lacks the home's key; the row's own key adds the file's content, the reason, the position
    and the detail.
    """

    def __init__(self, home: Home) -> None:
        self._key = home.secret("quarantine")

    def item(self, name: str) -> str:
        """What stands for a file, 32 hexadecimal digits."""
        return keyed(self._key, "item", name)[:16].hex()

    def id(self, name: str, content: bytes, refusal: Refusal) -> str:
        """What stands for one refusal of one content of a file, 32 hexadecimal digits."""
        told = (refusal.reason.value, str(refusal.position), refusal.detail)
        return keyed(self._key, "refusal", name, content, *told)[:16].hex()
