"""Secure a connection with TLS, for who calls and for who listens, whatever is spoken over it."""

from __future__ import annotations

import ssl
from pathlib import Path
from socket import socket
from typing import Any, Final

from federim.model.errors import InputError

SECONDS_TO_SHAKE_HANDS: Final = 30.0


# pynetdicom wraps a connection in the thread that listens: there, a caller who says nothing would keep all
# others from being heard. Left for later, the handshake happens in the association's own thread.
class _HandshakeLater(ssl.SSLContext):
    def wrap_socket(self, sock: socket, server_side: bool = True, **_: Any) -> ssl.SSLSocket:  # type: ignore[override]
        sock.settimeout(SECONDS_TO_SHAKE_HANDS)
        return super().wrap_socket(sock, server_side=server_side, do_handshake_on_connect=False)


def server_tls(certificate: Path, key: Path | None = None, clients: Path | None = None) -> ssl.SSLContext:
    """TLS 1.2 or later for who listens.

    Parameters
    ----------
    certificate, key : PEM files
        The key may be in the certificate's.
    clients : PEM file
        Authorities: a caller must show a certificate that one of them signed.

    Raises
    ------
    InputError
        A file is missing, is not PEM, or the key is not the certificate's.

    References
    ----------
    DICOM PS3.15, B.12 (Modified BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile).
    """
    context = _HandshakeLater(ssl.PROTOCOL_TLS_SERVER)
    _load(context, clients, certificate, key)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_tls(
    *,
    authority: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    context: ssl.SSLContext | None = None,
) -> ssl.SSLContext:
    """TLS 1.2 or later for who calls: it checks the server's chain and name.

    Parameters
    ----------
    authority : PEM file
        The only certificate authorities believed; None is the system's.
    certificate, key : PEM files
        The caller's own (mutual TLS); the key may be in the certificate's.
    context : ssl.SSLContext
        A client's context that checks more; it is made ready and given back.

    Raises
    ------
    InputError
        A file is missing, is not PEM, the key is not the certificate's, or there is a key alone.
    """
    context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if key is not None and certificate is None:
        raise InputError("TLS: a key is given without its certificate")
    _load(context, authority, certificate, key)
    if authority is None:
        context.load_default_certs()
    return context


def _load(
    context: ssl.SSLContext, authority: Path | None, certificate: Path | None, key: Path | None
) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if authority is not None:
            context.load_verify_locations(authority)
        if certificate is not None:
            # A password asked for on a terminal would stop a night's run.
            context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        given = ", ".join(str(path) for path in (authority, certificate, key) if path)
        raise InputError(
            f"{given}: expected PEM files that belong together, without a password ({type(error).__name__})"
        ) from None
