"""Ask one HTTP server, with patience, and say what went wrong without quoting what was asked."""

from __future__ import annotations

import json
import logging
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Self, TypeVar

import httpx

from federim.model.errors import InputError
from federim_pipelines.sources.web.access import Access, check_scheme, read_url

T = TypeVar("T")

# Seconds before each further attempt. A restart of a PACS takes a minute or two; who waits longer than
# that waits for a person, and the next run goes on from here.
PAUSES: Final = (1.0, 5.0, 20.0, 60.0)
LONGEST_PAUSE: Final = 300.0  # of what a server may ask for

# A server that reads a study from tape is silent for a while; one silent for longer is not coming back.
_TIMEOUT: Final = httpx.Timeout(120.0, connect=20.0)
# Of a document, which is read whole: a page of a search has some hundred kB.
LARGEST_DOCUMENT: Final = 64 << 20
_SUCCESSES: Final = (200, 202, 204, 206)
_PASSING: Final = (408, 425, 429, 502, 503, 504)
_ADVICE: Final = {
    400: "the server does not take this request; compare its conformance statement",
    401: "it does not accept the token or certificate; renew it",
    403: "it knows who asks, and does not allow this; ask its administrator",
    404: "it does not have that, or its address is another; check the URL",
    406: "it cannot give any of the formats asked for",
    410: "it had that once, and has it no more",
}

# These name the URL, query and all, at levels that a developer may turn on.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Answered(InputError):
    """The server answered, and not with what was asked for."""

    def __init__(self, host: str, status: int, asked: str, *, pause: float | None = None) -> None:
        advice = _ADVICE.get(status, "ask its administrator, or try again later")
        super().__init__(f"{host} answered {status} to {asked}: {advice}")
        self.status = status
        self.pause = pause  # seconds the server asks for

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.status in _PASSING


class Unreachable(InputError):
    """The server cannot be reached, or breaks off."""


class Broken(Exception):
    """An answer ended before its content did, or is not what its type claims."""


class Unexpected(Broken):
    """An answer is something else than what was asked for, and would be again."""


class Server:
    """One server under one URL, its connections kept; to be closed.

    Parameters
    ----------
    pauses : seconds
        Before each further attempt.
    wait : callable
        What a pause is spent with.

    Raises
    ------
    InputError
        The URL is not HTTP, or a token would cross the network unencrypted.
    """

    def __init__(
        self,
        url: str,
        access: Access,
        *,
        pauses: tuple[float, ...] = PAUSES,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = read_url(url.rstrip("/"))
        check_scheme(self.url, secret=access.auth is not None)
        self._pauses = pauses
        self._wait = wait
        self._client = httpx.Client(
            auth=access.auth,
            verify=access.tls or ssl.create_default_context(),
            timeout=_TIMEOUT,
            # Neither a proxy nor a netrc of the environment is part of what the site configured; a
            # redirection could take a token to another host.
            trust_env=False,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @property
    def host(self) -> str:
        """Host and port, as messages name the server."""
        return self.url.netloc.decode("ascii")

    def under(self, path: str) -> str:
        """The URL of something below the server's own."""
        return f"{self.url}/{path}"

    @contextmanager
    def answer(
        self,
        asked: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[httpx.Response]:
        """The answer to one GET, its body not read yet.

        Parameters
        ----------
        asked : str
            What is asked for, in words that fit any patient: messages say it.

        Raises
        ------
        Answered
            The status is not one of success.
        httpx.RequestError, Broken
            The connection failed, or the answer is compressed; see `patiently`.
        """
        with self._client.stream("GET", url, params=params, headers=headers) as response:
            if response.status_code not in _SUCCESSES:
                raise Answered(self.host, response.status_code, asked, pause=_retry_after(response))
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise Unexpected  # a small answer may unpack to more than there is memory
            yield response

    def json(self, asked: str, path: str, params: Mapping[str, str], accept: str) -> Any:
        """The JSON document at a path, asked for with patience; None if there is no content.

        Raises
        ------
        Answered, Unreachable
            As `patiently`.
        """

        def attempt() -> Any:
            with self.answer(asked, self.under(path), params=params, headers={"Accept": accept}) as response:
                body = document(response)
            return parsed(body) if body else None

        return self.patiently(asked, attempt)

    def patiently(self, asked: str, attempt: Callable[[], T]) -> T:
        """What `attempt` returns, tried again after a pause when the server or network fails for a while.

        Raises
        ------
        Answered
            The server refuses, or is still busy at the end.
        Unreachable
            It cannot be reached, breaks off each time, or is not who it should be.
        """
        for pause in (*self._pauses, None):
            try:
                return attempt()
            except Answered as error:
                if not error.passing or pause is None:
                    raise
                self._wait(min(max(pause, error.pause or 0.0), LONGEST_PAUSE))
            except Unexpected:
                raise Unreachable(
                    f"{self.host} answered {asked} with something else than that; check the URL, and that "
                    "no portal or compressing proxy stands before the server"
                ) from None
            except (httpx.RequestError, Broken) as error:
                if _wrong_certificate(error):
                    raise Unreachable(
                        f"{self.host} shows a certificate that is not accepted; check the host's name and "
                        "expiry, the authorities given, and, for a DRIMbox, the allow-list"
                    ) from None
                if pause is None:
                    raise Unreachable(
                        f"{self.host}: {asked} failed {len(self._pauses) + 1} times, last by "
                        f"{type(error).__name__}; check the address and the network, then run again"
                    ) from None
                self._wait(pause)
        raise AssertionError("the last pause is None")


def document(response: httpx.Response) -> bytes:
    """The JSON text that is an answer's body, b"" if there is none.

    Raises
    ------
    Unexpected
        It is of another type, such as the HTML of a portal, or endless.
    """
    body = bytearray()
    for block in response.iter_bytes():
        body += block
        if len(body) > LARGEST_DOCUMENT:
            raise Unexpected
    if body.strip() and "json" not in response.headers.get("Content-Type", "").lower():
        raise Unexpected
    return bytes(body.strip())


def parsed(body: bytes) -> Any:
    """What a JSON text says; raise `Broken` if it is none, or was cut off."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Broken from None  # its text quotes the answer


def _retry_after(response: httpx.Response) -> float | None:
    # The header's other form, a date, is rare, and as good as no header.
    told = response.headers.get("Retry-After", "")
    return float(told) if told.isdecimal() else None


def _wrong_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
