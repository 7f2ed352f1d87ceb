"""How far a purge has come, so that one that was killed is completed: a file that is there until its end."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Self

from federim.governance.retention.record import Purged
from federim.home import Home
from federim.keys import canonical, replace_private
from federim.lake.storage import sync
from federim.model.errors import StateRefused
from federim.model.identifiers import Pseudonym

JOURNAL: Final = "journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Persons who are being purged: their names in the lake, and what the vault is to forget of some."""

    whole: tuple[Pseudonym, ...]
    part: tuple[Pseudonym, ...]
    keyed: Mapping[Pseudonym, tuple[str, ...]]
    goes: Purged


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A purge that has begun.

    Attributes
    ----------
    purged : Purged
        The datasets it set out to remove, and what went of the persons that are done.
    group : Group, optional
        The persons that are not.
    """

    id: str
    day: date
    begun_at: str
    purged: Purged = field(default_factory=Purged)
    group: Group | None = field(default=None, repr=False)
    rows_left: int = 0

    @classmethod
    def begin(cls, day: date) -> Self:
        """A purge of what is too old on a day."""
        return cls(id=secrets.token_hex(8), day=day, begun_at=datetime.now(UTC).isoformat(timespec="seconds"))

    @classmethod
    def read(cls, home: Home) -> Self | None:
        """The purge that was begun and is not complete, if there is one.

        Raises
        ------
        StateRefused
            The journal is not what a purge wrote.
        """
        try:
            told = json.loads(_place(home).read_bytes())
            group = told.pop("group")
            return cls(
                **{
                    **told,
                    "day": date.fromisoformat(told["day"]),
                    "purged": Purged.read(told["purged"]),
                    "group": group and _group(group),
                }
            )
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise StateRefused(
                f"{_place(home)} is not what a purge wrote ({type(error).__name__}); restore it from the "
                "site's backup, or remove it: what that purge removed is then in no record"
            ) from None

    def write(self, home: Home) -> Journal:
        """Keep it, whole or not at all."""
        home.purges.mkdir(mode=0o700, exist_ok=True)
        replace_private(_place(home), canonical({**asdict(self), "day": self.day.isoformat()}))
        return self

    def end(self, home: Home) -> None:
        """The purge is complete, and has its record."""
        _place(home).unlink()
        sync(home.purges)


def _group(told: Mapping[str, Any]) -> Group:
    return Group(
        whole=tuple(told["whole"]),
        part=tuple(told["part"]),
        keyed={person: tuple(values) for person, values in told["keyed"].items()},
        goes=Purged.read(told["goes"]),
    )


def _place(home: Home) -> Path:
    return home.purges / JOURNAL
