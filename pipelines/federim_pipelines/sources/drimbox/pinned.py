"""TLS that goes no further than a certificate the allow-list names."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Collection
from pathlib import Path

from federim_pipelines.sources.tls import client_tls


class PinnedContext(ssl.SSLContext):
    """A client's context that checks chain, name and, before a byte of HTTP is sent, the fingerprint."""

    fingerprints: frozenset[str]  # SHA-256 of the certificate (DER), 64 hexadecimal digits


class _PinnedSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        # A token shown to the wrong host is lost, so this must not wait for the first answer.
        certificate = self.getpeercert(binary_form=True) or b""
        context = self.context
        if not isinstance(context, PinnedContext) or fingerprint(certificate) not in context.fingerprints:
            raise ssl.SSLCertVerificationError("the certificate is not in the allow-list")


def fingerprint(certificate: bytes) -> str:
    """What stands for a certificate, given as DER."""
    return hashlib.sha256(certificate).hexdigest()


def pinned_context(
    fingerprints: Collection[str],
    *,
    authority: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
) -> PinnedContext:
    """A context for one source; parameters and errors as `tls.client_tls`."""
    context = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.fingerprints = frozenset(fingerprints)
    context.sslsocket_class = _PinnedSocket
    client_tls(authority=authority, certificate=certificate, key=key, context=context)
    return context
