"""Evaluate blinded points under a key; never see whom they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from federim.home import Home
from federim.identity.keyfile import make_key, read_or_make_key
from federim.identity.oprf import blind_evaluate, derive_key_pair
from federim.keys import read_key
from federim.model.errors import IdentityError

_EMBEDDED = "embedded:"
_KEY_INFO = b"federim key server"


class KeyServer:
    """A key server in this process. It learns points and how many, nothing else."""

    def __init__(self, seed: bytes) -> None:
        self._private, self.public = derive_key_pair(seed, _KEY_INFO)
        self.evaluated = 0  # points, since this object was made

    def evaluate(self, points: Sequence[bytes]) -> list[bytes]:
        """Each blinded point (32 bytes) times the private scalar, in the same order.

        Raises
        ------
        IdentityError
            One of them is not the encoding of a ristretto255 point.
        """
        evaluated = [blind_evaluate(self._private, point) for point in points]
        self.evaluated += len(evaluated)
        return evaluated


def create_key_file(path: Path) -> None:
    """Make the key that sites sharing a key server name as `embedded:FILE`.

    Raises
    ------
    IdentityError
        There is a file already: replacing the key would break every linkage made with it.
    """
    try:
        make_key(path)
    except FileExistsError:
        raise IdentityError(f"key server: {path.name} already exists, and a key is never replaced") from None


def open_key_server(home: Home) -> KeyServer:
    """The key server that this home's `key_server` setting names.

    '' is the home's own key, made on first use: its pseudonyms are sound, and link nobody across
    sites. A FILE that is relative is so to the home's folder, and is never made on first use: sites that each
    made their own would believe themselves linked.

    Raises
    ------
    HomeError
        The key file is missing or is no key.
    """
    setting = home.settings.key_server
    if not setting:
        return KeyServer(read_or_make_key(home.keys / "oprf.key"))
    return KeyServer(read_key(home.root / setting.removeprefix(_EMBEDDED)))
