"""Who trains and who tests: decided by the person, alike at every site."""

from __future__ import annotations

from typing import Final

from federim.keys import keyed
from federim.model.identifiers import Pseudonym

_SCALE: Final = 2**64


def in_test(project_key: bytes, pseudonym: Pseudonym, fraction: float) -> bool:
    """Whether a person is kept for testing.

    The keyed hash of the *project* pseudonym decides, so that a patient known at two hospitals is on the
    same side at both: else the model would be tested on persons it was trained on. A change of `fraction`
    only moves persons across one threshold.
    """
    place = int.from_bytes(keyed(project_key, "split", pseudonym)[:8], "big")
    return place < fraction * _SCALE
