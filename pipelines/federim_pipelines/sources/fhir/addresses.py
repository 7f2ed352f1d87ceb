"""Keep what a site shows a server, a token or a certificate, from going to another."""

from __future__ import annotations

from typing import Final

import httpx

from federim.model.errors import InputError
from federim_pipelines.sources.web.server import Server

FHIR_JSON: Final = "application/fhir+json"

_PORTS: Final = {"http": 80, "https": 443}


def within(server: Server, address: str) -> str:
    """The full URL of an address that a server gave, relative or not.

    Raises
    ------
    InputError
        It is another server's.
    """
    try:
        url = httpx.URL(f"{server.url}/").join(address)
    except httpx.InvalidURL:
        raise InputError(f"{server.host} gave an address that is no URL; ask its administrator") from None
    if origin(url) != origin(server.url):
        raise InputError(
            f"{server.host} gave an address at another scheme, host or port, which is shown no secret; "
            "give the URL by which the server calls itself (the base URL in its configuration)"
        )
    return str(url)


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port (RFC 6454, 4)."""
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)
