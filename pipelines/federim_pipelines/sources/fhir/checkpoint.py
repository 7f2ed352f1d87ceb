"""Remember how far a pull from a FHIR server has come, and until when the ones before it reach."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from federim.home import Home, Role
from federim.keys import canonical, keyed
from federim.lake.storage import disk_may_refuse, private_files, sync
from federim.model.errors import HomeError

FOLDER: Final = "pulled"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a pull is that has begun. URLs are the server's own, and may be as good as a password."""

    since: str = ""  # what changed from then on, an instant of the server's clock; "" is everything
    until: str = ""  # where the next pull begins
    export: str = ""  # URL that says how far the server is with a bulk export
    files: tuple[str, ...] = ()  # URLs of what an export made and is not here yet
    is_open: bool = False  # those files are to be had without showing who asks
    kinds: tuple[str, ...] = ()  # not searched to their end yet
    page: str = ""  # URL of the next page of the first of them

    @classmethod
    def read(cls, told: dict[str, Any]) -> Self:
        """A position as its file keeps it."""
        return cls(**told | {name: tuple(told[name]) for name in ("files", "kinds")})


@dataclass
class Checkpoint:
    """A file of the home, 0600, for one server and one choice of what is asked of it.

    Raises
    ------
    HomeError
        The file is there and cannot be read.
    """

    path: Path
    position: Position | None = None  # None: no pull is under way
    covered: str = ""  # all that changed before then is in the spool, or further

    @classmethod
    def open(cls, home: Home, *asked: str) -> Self:
        """The checkpoint of a pull of what `asked` names: the server, kinds of resources, a group."""
        name = keyed(home.require(Role.SITE).secret("pulled"), "fhir", *asked)[:16].hex()
        path = home.root / FOLDER / f"{name}.json"
        try:
            told = json.loads(path.read_bytes())
            position = told["position"]
            return cls(path, Position.read(position) if position else None, told["covered"])
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise HomeError(
                f"{path} cannot be read ({type(error).__name__}); remove it, and the pull begins again"
            ) from None

    def at(self, position: Position) -> Position:
        """Keep a position, on the disk before this returns."""
        self.position = position
        self._write()
        return position

    def advance(self, **changed: Any) -> Position:
        """Keep the position with some of it changed."""
        return self.at(replace(self.position or Position(), **changed))

    def finish(self) -> None:
        """The pull is done: the next begins where this one was asked."""
        if self.position is not None:
            self.covered = self.position.until
        self.forget()

    def forget(self) -> None:
        """Give up the pull that is under way."""
        self.position = None
        self._write()

    def _write(self) -> None:
        position = None if self.position is None else asdict(self.position)
        with disk_may_refuse(), private_files():
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            part = self.path.with_suffix(".part")
            part.write_bytes(canonical({"position": position, "covered": self.covered}))
            sync(part)
            part.replace(self.path)
            sync(self.path.parent)
