"""From the lake to one project: what becomes of each key of a person, and of each date."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from federim.identity.projects import ProjectSubject
from federim.keys import keyed
from federim.model.errors import SchemaError
from federim.model.identifiers import Pseudonym
from federim_pipelines.deidentify.dates import DUMMY_DAY, shift_date, shift_datetime
from federim_pipelines.deidentify.part10 import IMPLEMENTATION_CLASS
from federim_pipelines.deidentify.text.names import keyed_name
from federim_pipelines.deidentify.uids import keyed_uid

_KEYED_UID: Final = "2.25."
_KEY: Final = re.compile("[0-9a-f]{32}")
_LONGEST_CODE: Final = 16  # characters of a CS
_DUMMY: Final = f"{DUMMY_DAY:%Y%m%d}"
_DUMMIES: Final = frozenset({_DUMMY, f"{_DUMMY}000000"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectHop:
    """One person on the way into one project; a `Renaming` of their objects.

    Parameters
    ----------
    drawings : names of layers and presentations that the lake keyed, as `Keying.drawing` made them
    """

    subject: ProjectSubject
    drawings: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def person_id(self) -> Pseudonym:
        return self.subject.pseudonym

    @property
    def days(self) -> int:
        """By how many days a date of the lake moves to be one of the project."""
        return self.subject.date_shift_days

    def key(self, made: str) -> str:
        """The project's key, or UID, for one of the lake's.

        Raises
        ------
        SchemaError
            It is neither, so nobody knows what it would tell.
        """
        if made.startswith(_KEYED_UID):
            return keyed_uid(self.subject.uid_key, made)
        if _KEY.fullmatch(made):
            return keyed(self.subject.uid_key, "key", made)[:16].hex()
        raise SchemaError("a column of keys holds a value that the lake did not key; run federim lake check")

    def value(self, made: str) -> str:
        """What an object says in the project; what the lake did not key, the Standard's own UIDs, stays."""
        if made in self.drawings:
            return keyed_name(made.replace(".", "_"), self.subject.uid_key).upper()[:_LONGEST_CODE]
        if made.startswith(_KEYED_UID) and made != IMPLEMENTATION_CLASS:
            return keyed_uid(self.subject.uid_key, made)
        return made

    def date(self, vr: str, told: str) -> str:
        """A DA or DT value of an object; a dummy, or none, as it is. What cannot be moved becomes a dummy."""
        if not told or told in _DUMMIES:
            return told
        moved = (shift_date if vr == "DA" else shift_datetime)(told, self.days)
        return _DUMMY if moved is None else moved


def drawings_of(originals: Mapping[str, str]) -> frozenset[str]:
    """Of what the lake keyed of a person, the names of drawings; other keys are known by how they look."""
    return frozenset(
        made for made in originals if not made.startswith(_KEYED_UID) and not _KEY.fullmatch(made)
    )
