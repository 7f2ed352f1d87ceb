"""Have both ends of a connection show a certificate: TLS 1.3, mutual."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from federim.model.errors import InputError


def server_context(
    certificate: Path, key: Path, authority: Path, refused: Callable[[], None]
) -> ssl.SSLContext:
    """TLS of who listens: a caller must show a certificate that `authority` vouches for.

    Parameters
    ----------
    refused : callable
        Called when one comes without, so that it is not only OpenSSL that knows of it.

    Raises
    ------
    InputError
        A file is missing, is not PEM, or the key is not the certificate's.
    """

    class Watched(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except ssl.SSLError as error:
                if error.reason in ("CERTIFICATE_VERIFY_FAILED", "PEER_DID_NOT_RETURN_A_CERTIFICATE"):
                    refused()
                raise

    context = _context(ssl.PROTOCOL_TLS_SERVER, certificate, key, authority)
    context.verify_mode = ssl.CERT_REQUIRED
    context.sslobject_class = Watched
    return context


def client_context(certificate: Path, key: Path, authority: Path) -> ssl.SSLContext:
    """TLS of who calls: it shows its certificate, and checks the server's chain and name.

    Raises
    ------
    InputError
        As `server_context`.
    """
    return _context(ssl.PROTOCOL_TLS_CLIENT, certificate, key, authority)


def _context(protocol: Any, certificate: Path, key: Path, authority: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(authority)
        # A password asked for on a terminal would stop a service's start.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise InputError(
            f"{certificate}, {key}, {authority}: expected PEM files that belong together, without a password "
            f"({type(error).__name__})"
        ) from None
    return context
