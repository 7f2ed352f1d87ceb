"""Open the key server that a home's settings name."""

from __future__ import annotations

from typing import Final

from federim.home import Home
from federim.identity.keyfile import read_or_make_key
from federim.identity.keyserver.contract import KeyServer
from federim.identity.keyserver.embedded import EmbeddedKeyServer
from federim.identity.keyserver.epochs import EpochFolder
from federim.keys import read_key
from federim.model.errors import HomeError

_EMBEDDED: Final = "embedded:"
_REMOTE: Final = "https:"


def open_key_server(home: Home) -> KeyServer:
    """The key server that this home's `key_server` setting names; one far away is not called yet.

    '' is the home's own key, made on first use: its pseudonyms are sound, and link nobody across
    sites. `embedded:FILE` is one key, `embedded:FOLDER` the epochs of a key server's folder. A path that is
    relative is so to the home's folder, and is never made on first use: sites that each made their own would
    believe themselves linked.

    Raises
    ------
    HomeError
        The key file is missing or is no key; or a setting that a key server far away needs is missing.
    InputError
        A file of TLS cannot be used.
    """
    setting = home.settings.key_server
    if not setting:
        return EmbeddedKeyServer.of_seed(read_or_make_key(home.keys / "oprf.key"))
    if setting.startswith(_REMOTE):
        return _remote(home)
    path = home.root / setting.removeprefix(_EMBEDDED)
    if path.is_dir():
        return EmbeddedKeyServer(EpochFolder(path).open_keys)
    return EmbeddedKeyServer.of_seed(read_key(path))


def _remote(home: Home) -> KeyServer:
    # HTTP's library takes longer to import than most commands take to run.
    from federim.identity.keyserver.remote import RemoteKeyServer
    from federim.identity.keyserver.tls import client_context

    settings = home.settings
    files = {
        "key_server_ca": settings.key_server_ca,
        "key_server_certificate": settings.key_server_certificate,
        "key_server_key": settings.key_server_key,
    }
    missing = ", ".join(name for name, path in files.items() if not path)
    if missing:
        raise HomeError(f"{home.root}: key_server is far away, and needs {missing} in federim.toml")
    trusted = home.trust_roots.key_servers | {settings.key_server_public} - {""}
    if not trusted:
        raise HomeError(
            f"{home.root}: no key server's public key is trusted; compare it with its operator over a second "
            "channel, then federim trust add --kind key-server, or set key_server_public"
        )
    authority, certificate, key = (home.root / path for path in files.values())
    tls = client_context(certificate, key, authority)
    return RemoteKeyServer(settings.key_server, tls, [bytes.fromhex(public) for public in trusted])
