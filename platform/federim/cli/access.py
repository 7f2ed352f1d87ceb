"""The options with which a command reaches a server; a secret is never one of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from federim.model.errors import InputError

if TYPE_CHECKING:
    from ssl import SSLContext

    from httpx import Auth

TOKEN_VARIABLE = "FEDERIM_TOKEN"  # noqa: S105 — the name of a variable
SECRET_VARIABLE = "FEDERIM_CLIENT_SECRET"  # noqa: S105

Authority = Annotated[
    Path | None,
    typer.Option("--ca", help="PEM of the certificate authorities to believe.", show_default="the system's"),
]
Certificate = Annotated[
    Path | None,
    typer.Option("--certificate", help="PEM of this site's own certificate (mTLS).", show_default=False),
]
Key = Annotated[
    Path | None,
    typer.Option("--key", help="PEM of its private key, if it is in another file.", show_default=False),
]
OwnCertificate = Annotated[
    Path | None,
    typer.Option("--certificate", help="PEM of this site's certificate: TLS only.", show_default=False),
]
SendersAuthority = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        help="PEM of the authorities that sign senders' certificates: a sender must show one.",
        show_default=False,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        help=f"File with a bearer token; without it, {TOKEN_VARIABLE} in the environment.", show_default=False
    ),
]
TokenIssuer = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="OpenID Connect provider that gives tokens to this client.", show_default=False
    ),
]
ClientId = Annotated[
    str | None, typer.Option(help="This client's identifier at the provider.", show_default=False)
]
ClientSecretFile = Annotated[
    Path | None,
    typer.Option(
        help=f"File with the client's secret; without it, {SECRET_VARIABLE} in the environment, or none: "
        "the certificate alone.",
        show_default=False,
    ),
]


def authenticated(
    *,
    token_file: Path | None,
    token_issuer: str | None = None,
    client_id: str | None = None,
    client_secret_file: Path | None = None,
    authority: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
) -> Auth | None:
    """Who asks, as the options say: a token given, a token to be had from a provider, or nobody.

    Raises
    ------
    InputError
        Options contradict each other, or a secret cannot be read.
    """
    from federim_pipelines.sources.tls import client_tls
    from federim_pipelines.sources.web.access import Bearer, read_secret
    from federim_pipelines.sources.web.token import ClientCredentials

    if token_issuer is None:
        token = read_secret(TOKEN_VARIABLE, token_file)
        return None if token is None else Bearer(token)
    if token_file is not None or client_id is None:
        raise InputError("--token-issuer needs --client-id, and stands in the place of --token-file")
    return ClientCredentials(
        token_issuer,
        client_id,
        read_secret(SECRET_VARIABLE, client_secret_file),
        client_tls(authority=authority, certificate=certificate, key=key),
    )


def listening_tls(certificate: Path | None, key: Path | None, ca: Path | None) -> SSLContext | None:
    """TLS for those who call, as the options of a listener say; none without a certificate.

    Raises
    ------
    InputError
        Options are missing, or a file cannot be used.
    """
    from federim_pipelines.sources.tls import server_tls

    if certificate is None:
        if key or ca:
            raise InputError("--key and --ca are of TLS: give --certificate too")
        return None
    return server_tls(certificate, key, ca)
