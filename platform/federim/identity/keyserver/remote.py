"""Ask a key server over the network: mutual TLS 1.3, and no epoch whose key this home does not trust."""

from __future__ import annotations

import json
import logging
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, NoReturn

import httpx

from federim.identity.keyserver.contract import MESSAGE_SIZES, Epoch, Evaluation
from federim.identity.oprf import PROOF_BYTES
from federim.identity.ristretto import POINT_BYTES
from federim.model.errors import KeyServerAway, VerificationFailed

LONGEST_PATIENCE: Final = 60.0
"""Seconds that a question waits for its turn, in all; who must wait longer comes back another time."""

_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
# Shorter than the service keeps a connection, so that no question is sent into one that is closing.
_LIMITS: Final = httpx.Limits(max_connections=1, keepalive_expiry=15.0)
_EPOCHS_BYTES: Final = 1 << 16

# These name the URL at levels that a developer may turn on.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class RemoteKeyServer:
    """A key server under one URL, its connection kept; nothing is sent before the first question.

    Parameters
    ----------
    trusted : collection of bytes
        The public keys of the epochs that may be used.
    wait : callable
        What seconds of waiting are spent with.
    """

    def __init__(
        self,
        url: str,
        tls: ssl.SSLContext,
        trusted: Collection[bytes],
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._trusted = frozenset(trusted)
        self._wait = wait
        self._client = httpx.Client(
            base_url=url,
            verify=tls,
            timeout=_TIMEOUT,
            limits=_LIMITS,
            trust_env=False,
            follow_redirects=False,
        )
        self._where = f"key server {self._client.base_url.netloc.decode()}"

    def epochs(self) -> tuple[Epoch, ...]:
        """See `KeyServer`: those that it announces and this home trusts."""
        answer = self._ask("GET", "/v1/epochs")
        try:
            announced = [
                Epoch(int(number), bytes.fromhex(public)) for number, public in json.loads(answer)["epochs"]
            ]
        except (ValueError, TypeError, KeyError) as error:
            raise VerificationFailed(
                f"{self._where}: its list of epochs cannot be read ({type(error).__name__}); is it one?"
            ) from None
        known = tuple(epoch for epoch in announced if epoch.public in self._trusted)
        if not known:
            told = ", ".join(f"{epoch.number} {epoch.public.hex()}" for epoch in announced)
            raise VerificationFailed(
                f"{self._where} announces epochs ({told}) and this home trusts none of them; compare the key "
                "with its operator over a second channel, then federim trust add --kind key-server"
            )
        return known

    def evaluate(
        self, points: Sequence[bytes], *, epoch: int | None = None, prove: bool = True
    ) -> Evaluation:
        """See `KeyServer`; takes 10, 100 or 1,000 points."""
        if len(points) not in MESSAGE_SIZES:
            raise ValueError(f"{len(points)} points; a message holds {MESSAGE_SIZES}")
        number = self.epochs()[0].number if epoch is None else epoch
        wanted = PROOF_BYTES + len(points) * POINT_BYTES
        answer = self._ask(
            "POST",
            f"/v1/epochs/{number}/evaluate",
            params={"proof": "yes" if prove else "no"},
            content=b"".join(points),
            largest=wanted,
        )
        if len(answer) != wanted:
            raise VerificationFailed(
                f"{self._where}: {len(answer)} bytes came back where {wanted} were expected; is it one?"
            )
        evaluated = [answer[at : at + POINT_BYTES] for at in range(PROOF_BYTES, wanted, POINT_BYTES)]
        return Evaluation(evaluated, answer[:PROOF_BYTES] if prove else None)

    def close(self) -> None:
        """See `KeyServer`."""
        self._client.close()

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        content: bytes | None = None,
        largest: int = _EPOCHS_BYTES,
    ) -> bytes:
        """The answer's body, once those moments are waited for in which it asks for patience."""
        patience = LONGEST_PATIENCE
        while True:
            try:
                with self._client.stream(method, path, params=params, content=content) as answer:
                    if answer.status_code == httpx.codes.OK:
                        return b"".join(self._bounded(answer, largest))
            except httpx.HTTPError as error:
                self._give_up(error)
            pause = _pause(answer)
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS or pause is None or pause > patience:
                self._refused(answer.status_code, pause)
            self._wait(pause)
            patience -= pause

    def _bounded(self, answer: httpx.Response, largest: int) -> Iterator[bytes]:
        read = 0
        for piece in answer.iter_raw():
            read += len(piece)
            if read > largest:
                raise VerificationFailed(f"{self._where}: its answer is longer than {largest} bytes")
            yield piece

    def _give_up(self, error: httpx.HTTPError) -> NoReturn:
        found = _tls_trouble(error)
        if found is None:
            raise KeyServerAway(
                f"{self._where} cannot be reached, or hangs up on this site's certificate "
                f"({type(error).__name__}); new persons wait for it"
            ) from None
        raise VerificationFailed(
            f"{self._where}: no TLS between it and this site ({found}); compare key_server_ca, "
            "key_server_certificate and key_server_key with what its operator has"
        ) from None

    def _refused(self, status: int, pause: float | None) -> NoReturn:
        if status == httpx.codes.FORBIDDEN:
            reason = "this site's certificate is not on its list; have its operator add it"
        elif status == httpx.codes.NOT_FOUND:
            reason = "the epoch asked for was closed a moment ago; run again, under the one that is open"
        elif status == httpx.codes.TOO_MANY_REQUESTS and pause is None:
            reason = "this site's quota is used up for good; its operator can raise it"
        elif status == httpx.codes.TOO_MANY_REQUESTS:
            reason = f"this site's quota is used up; it takes more in {pause or 0:,.0f} seconds"
        else:
            reason = f"it answers {status}; ask its operator"
        raise KeyServerAway(f"{self._where}: {reason}. New persons wait for it")


def _pause(answer: httpx.Response) -> float | None:
    told = answer.headers.get("retry-after", "")
    return float(told) if told.isascii() and told.isdigit() else None


def _tls_trouble(error: BaseException) -> str | None:
    """What TLS found wrong with a certificate, in OpenSSL's own word; None where the trouble is another."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError) and not isinstance(seen, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return seen.reason or type(seen).__name__
        seen = seen.__cause__ or seen.__context__
    return None
