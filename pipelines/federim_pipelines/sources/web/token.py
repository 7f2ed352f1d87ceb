"""Have a token from an OpenID Connect provider, for a programme rather than a person."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Generator
from typing import Any, Final

import httpx

from federim.model.errors import InputError
from federim_pipelines.sources.web.access import check_scheme, read_url

# A token is left alone this many seconds before it expires: the request that bears it takes its time.
MARGIN: Final = 30.0
_LIFE_UNTOLD: Final = 60.0
_TIMEOUT: Final = httpx.Timeout(30.0)


class ClientCredentials(httpx.Auth):
    """Shows a token with every request, and has a new one when it expires or is refused.

    Parameters
    ----------
    issuer : str
        The provider's URL, below which it describes itself.
    secret : str
        None where the provider knows the client by its certificate (RFC 8705).
    tls : SSLContext
        How the provider is reached.

    Raises
    ------
    InputError
        When asked for a token: the provider cannot be reached, or gives none.

    References
    ----------
    RFC 6749, 4.4 (client credentials) and 2.3.1 (HTTP Basic); OpenID Connect Discovery 1.0, 4.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        secret: str | None,
        tls: ssl.SSLContext,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._secret = secret
        self._tls = tls
        self._clock = clock
        self._token = ""
        self._expires = 0.0
        check_scheme(read_url(issuer), secret=True)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Show the token; if it is refused, a new one, once."""
        request.headers["Authorization"] = f"Bearer {self._current()}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._token = ""
            request.headers["Authorization"] = f"Bearer {self._current()}"
            yield request

    def _current(self) -> str:
        if not self._token or self._clock() >= self._expires:
            asked_at = self._clock()
            told = self._grant()
            token, life = told.get("access_token"), told.get("expires_in", _LIFE_UNTOLD)
            if not isinstance(token, str) or not isinstance(life, int | float):
                raise self._refused("an answer without an access_token")
            self._token, self._expires = token, asked_at + max(life - MARGIN, 0.0)
        return self._token

    def _grant(self) -> dict[str, Any]:
        form = {"grant_type": "client_credentials", "scope": "openid"}
        with httpx.Client(verify=self._tls, timeout=_TIMEOUT, trust_env=False) as client:
            try:
                described = self._read(client.get(f"{self._issuer}/.well-known/openid-configuration"))
                endpoint = described.get("token_endpoint")
                if str(described.get("issuer")).rstrip("/") != self._issuer or not isinstance(endpoint, str):
                    raise self._refused("a description of another issuer, or without a token_endpoint")
                check_scheme(httpx.URL(endpoint), secret=True)
                if self._secret is None:
                    answer = client.post(endpoint, data={**form, "client_id": self._client_id})
                else:
                    answer = client.post(endpoint, data=form, auth=(self._client_id, self._secret))
                return self._read(answer)
            except (httpx.RequestError, httpx.InvalidURL) as error:
                raise self._refused(f"no answer ({type(error).__name__})") from None

    def _read(self, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code != httpx.codes.OK:
            raise self._refused(f"status {answer.status_code}")
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise self._refused("an answer that is no JSON object")
        return told

    def _refused(self, found: str) -> InputError:
        return InputError(
            f"{httpx.URL(self._issuer).host}: expected a token, found {found}; check the issuer's URL, the "
            "client's identifier and its secret"
        )
