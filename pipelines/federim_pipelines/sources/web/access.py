"""What a server is shown before it answers: a certificate, a bearer token; and what it must show itself."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from federim.model.errors import InputError

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a server is reached: `auth` proves who asks, `tls` who answers (None: the system's authorities)."""

    auth: httpx.Auth | None = None
    tls: ssl.SSLContext | None = None


class Bearer(httpx.Auth):
    """A token given once for all (RFC 6750, 2.1)."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Show the token with every request."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def read_secret(variable: str, file: Path | None) -> str | None:
    """A token or password from a file, else from an environment variable; None where there is neither.

    Raises
    ------
    InputError
        The file cannot be read, or what was found is no single printable word.
    """
    place = str(file) if file else variable
    try:
        secret = (file.read_text() if file else os.environ.get(variable, "")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{place}: the secret in it cannot be read ({type(error).__name__})") from None
    if not secret and file is None:
        return None
    if not _TOKEN.fullmatch(secret):
        raise InputError(f"{place}: expected one line of printable ASCII without a blank")
    return secret


def read_url(text: str) -> httpx.URL:
    """A URL a person wrote; raise `InputError` if it is none."""
    try:
        return httpx.URL(text)
    except httpx.InvalidURL:
        raise InputError("the URL given cannot be read; expected https://HOST[:PORT][/PATH]") from None


def check_scheme(url: httpx.URL, *, secret: bool) -> None:
    """Raise `InputError` unless a URL is HTTP, holds no password, and is HTTPS where a secret is sent."""
    if url.scheme not in ("http", "https") or not url.host:
        raise InputError(f"expected a URL that begins with https:// and names a host, found {url.scheme!r}")
    if url.userinfo:
        raise InputError(
            f"{url.host}: a password in a URL can be seen by other users of this machine; give a token's file"
        )
    if secret and url.scheme == "http" and url.host not in _LOOPBACK:
        raise InputError(f"{url.host}: a token is sent over https only; give the server's https URL")
