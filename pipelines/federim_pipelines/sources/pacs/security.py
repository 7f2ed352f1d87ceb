"""Secure the DICOM network protocol with TLS."""

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


def server_tls(certificate: Path, key: Path | None, clients: Path | None) -> ssl.SSLContext:
    """TLS for who listens; a caller must show a certificate that `clients` signed, if that is given.

    Parameters
    ----------
    certificate, key, clients : PEM files
        The key may be in the certificate's.

    Raises
    ------
    InputError
        A file cannot be used.

    References
    ----------
    DICOM PS3.15, B.12 (Modified BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile).
    """
    context = _HandshakeLater(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _show(context, certificate, key)
    if clients is not None:
        _believe(context, clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_tls(authority: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """TLS for who calls; `authority`, or one the system believes, signs the other side's certificate.

    That certificate must bear the host called.

    Raises
    ------
    InputError
        A file cannot be used, or there is a key without a certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authority is None:
        context.load_default_certs()
    else:
        _believe(context, authority)
    if certificate is not None:
        _show(context, certificate, key)
    elif key is not None:
        raise InputError("TLS: a key is given without its certificate")
    return context


def _show(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise InputError(
            f"TLS certificate {certificate} and its key cannot be used ({type(error).__name__}); expected "
            "PEM files that belong together"
        ) from error


def _believe(context: ssl.SSLContext, authority: Path) -> None:
    try:
        context.load_verify_locations(authority)
    except OSError as error:
        raise InputError(
            f"TLS authority {authority} cannot be used ({type(error).__name__}); expected a PEM file"
        ) from error
