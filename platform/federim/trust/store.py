"""The file in which a home keeps what it trusts; an earlier home's, which knew no kinds, is read too."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from federim.keys import exclusively, replace_private
from federim.model.errors import HomeError
from federim.trust.roots import OwnKey, TrustKind, TrustRoot, TrustRoots

TRUSTED_FILE: Final = "trusted.json"

_ROOTS: Final[TypeAdapter[tuple[TrustRoot, ...]]] = TypeAdapter(tuple[TrustRoot, ...])
_OWN: Final[TypeAdapter[tuple[OwnKey, ...]]] = TypeAdapter(tuple[OwnKey, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustStore:
    """Trust roots on disk.

    Attributes
    ----------
    own : callable
        Gives the key this home signs with now.
    counterpart : TrustKind
        What the keys in an earlier home's file are: a hub's at a site, sites' at a hub.
    """

    folder: Path
    owner: str
    own: Callable[[], OwnKey]
    counterpart: TrustKind

    def read(self) -> TrustRoots:
        """All that is trusted.

        Raises
        ------
        HomeError
            The file is damaged.
        """
        in_use = self.own()
        try:
            written: dict[str, Any] = json.loads((self.folder / TRUSTED_FILE).read_bytes())
            roots, own = self._earlier(written) if "roots" not in written else _parsed(written)
        except FileNotFoundError:
            roots, own = (), ()
        except (ValueError, TypeError, AttributeError) as error:
            raise HomeError(
                f"{TRUSTED_FILE} is damaged ({type(error).__name__}); restore it from the home's backup"
            ) from None
        before = tuple(key for key in own if key.public != in_use.public)
        return TrustRoots(owner=self.owner, own=(in_use, *before), roots=roots)

    def change(self, change: Callable[[TrustRoots], TrustRoots]) -> TrustRoots:
        """Keep what `change` makes of the roots, whole or not at all; two processes take turns."""
        with exclusively(self.folder / ".trusted.lock"):
            changed = change(self.read())
            document = {
                "own": _OWN.dump_python(changed.own[1:], mode="json", exclude_defaults=True),
                "roots": _ROOTS.dump_python(changed.roots, mode="json", exclude_defaults=True),
            }
            replace_private(self.folder / TRUSTED_FILE, json.dumps(document, indent=1).encode())
        return changed

    def _earlier(self, written: dict[str, Any]) -> tuple[tuple[TrustRoot, ...], tuple[OwnKey, ...]]:
        known = [
            {"name": name, "kind": self.counterpart, "public": public}
            for name, public in written.items()
            if name != self.owner
        ]
        return _ROOTS.validate_python(known), ()


def as_values(roots: tuple[TrustRoot, ...]) -> list[dict[str, Any]]:
    """Trust roots as JSON values."""
    values: list[dict[str, Any]] = _ROOTS.dump_python(roots, mode="json", exclude_defaults=True)
    return values


def from_values(values: Any) -> tuple[TrustRoot, ...]:
    """Trust roots from JSON values; raise `HomeError` where they are none."""
    try:
        return _ROOTS.validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise HomeError(f"trust roots, {where}: {first['msg']}") from None


def _parsed(written: dict[str, Any]) -> tuple[tuple[TrustRoot, ...], tuple[OwnKey, ...]]:
    return _ROOTS.validate_python(written["roots"]), _OWN.validate_python(written["own"])
