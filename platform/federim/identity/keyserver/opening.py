"""Open the key server that a home's settings name."""

from __future__ import annotations

from federim.home import Home
from federim.identity.keyfile import read_or_make_key
from federim.identity.keyserver.contract import KeyServer
from federim.identity.keyserver.embedded import EmbeddedKeyServer
from federim.identity.keyserver.epochs import EpochFolder
from federim.keys import read_key

_EMBEDDED = "embedded:"


def open_key_server(home: Home) -> KeyServer:
    """The key server that this home's `key_server` setting names; one far away is not called yet.

    '' is the home's own key, made on first use: its pseudonyms are sound, and link nobody across
    sites. `embedded:FILE` is one key, `embedded:FOLDER` the epochs of a key server's folder. A path that is
    relative is so to the home's folder, and is never made on first use: sites that each made their own would
    believe themselves linked.

    Raises
    ------
    HomeError
        The key file is missing or is no key.
    """
    setting = home.settings.key_server
    if not setting:
        return EmbeddedKeyServer.of_seed(read_or_make_key(home.keys / "oprf.key"))
    path = home.root / setting.removeprefix(_EMBEDDED)
    if path.is_dir():
        return EmbeddedKeyServer(EpochFolder(path).keys)
    return EmbeddedKeyServer.of_seed(read_key(path))
