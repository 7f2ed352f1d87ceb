"""Have a FHIR server export what changed as files of lines, and fetch those."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from federim_pipelines.sources.fhir.addresses import FHIR_JSON, origin, within
from federim_pipelines.sources.web.access import Access
from federim_pipelines.sources.web.server import Server, Unexpected, Unreachable, document, parsed
from federim_pipelines.spool import Spool

NDJSON: Final = "application/fhir+ndjson"
ASKED: Final = "a bulk export"

# Of servers that have no such operation; HAPI answers 400, others 405, 422 or 501.
NO_EXPORT: Final = (400, 404, 405, 406, 422, 501)

SECONDS_BETWEEN_LOOKS: Final = 10.0
_LONGEST_WAIT: Final = 300.0


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export made: files of lines, persons first; `problems` counts files of errors."""

    until: str
    files: tuple[str, ...]
    is_open: bool
    problems: int


def begin(server: Server, kinds: Sequence[str], since: str, group: str) -> str:
    """Ask for an export of some kinds of resources; the URL that says how far it is, "" if none was begun.

    Parameters
    ----------
    since : str
        An instant of the server's clock; "" is everything.
    group : str
        Id of a Group whose patients are meant; "" is all of the server's.

    Raises
    ------
    Answered
        The server refuses, or has no exports (`NO_EXPORT`).
    Unreachable
        It cannot be reached, or takes the export and does not say where it is.

    References
    ----------
    HL7 FHIR Bulk Data Access 2.0, Bulk Data Kick-off Request.
    """
    params = {"_type": ",".join(kinds), "_outputFormat": NDJSON}
    if since:
        params["_since"] = since
    url = server.under(f"Group/{group}/$export" if group else "$export")
    headers = {"Accept": FHIR_JSON, "Prefer": "respond-async"}

    def attempt() -> str | None:
        with server.answer(ASKED, url, params=params, headers=headers) as response:
            if response.status_code != httpx.codes.ACCEPTED:
                return ""  # answered at once: by something that knows no such operation
            place: str | None = response.headers.get("Content-Location")
            return place

    place = server.patiently(ASKED, attempt)
    if place is None:
        raise Unreachable(f"{server.host} took {ASKED} and did not say where it is; ask its administrator")
    return place and within(server, place)


def wait_for(server: Server, place: str, wait: Callable[[float], None]) -> Exported:
    """What an export made, once it is complete.

    Raises
    ------
    Answered
        It failed, or is no longer known.
    Unreachable
        As `Server.patiently`.

    References
    ----------
    HL7 FHIR Bulk Data Access 2.0, Bulk Data Status Request.
    """

    def attempt() -> dict[str, Any] | float:
        with server.answer(ASKED, place, headers={"Accept": "application/json"}) as response:
            if response.status_code == httpx.codes.ACCEPTED:
                told = response.headers.get("Retry-After", "")
                return (
                    min(max(float(told), 1.0), _LONGEST_WAIT) if told.isdecimal() else SECONDS_BETWEEN_LOOKS
                )
            manifest = parsed(document(response))
            if not isinstance(manifest, dict):
                raise Unexpected
            return manifest

    while isinstance(answer := server.patiently(ASKED, attempt), float):
        wait(answer)
    try:
        return _exported(answer)
    except (LookupError, TypeError, AttributeError):
        raise Unreachable(f"{server.host} answered {ASKED} with something else than its manifest") from None


def fetch(server: Server, url: str, is_open: bool, spool: Spool, name: str) -> int:
    """Bring a file of an export into the spool as it comes; how many bytes it has.

    Raises
    ------
    Answered, Unreachable
        As `Server.patiently`.
    StorageFull
        The disk has no more room.
    """
    asked = "a file of a bulk export"
    with _holder(server, url, is_open) as holder:

        def attempt() -> int:
            size = 0
            with (
                spool.writing(name) as file,
                holder.answer(asked, url, headers={"Accept": NDJSON}) as response,
            ):
                if "html" in response.headers.get("Content-Type", "").lower():
                    raise Unexpected  # a portal's page
                for block in response.iter_bytes():
                    size += file.write(block)
            return size

        return holder.patiently(asked, attempt)


@contextmanager
def _holder(server: Server, url: str, is_open: bool) -> Iterator[Server]:
    """The server of a file: another host, which is then shown no token, only if the export says so."""
    if is_open and origin(httpx.URL(url)) != origin(server.url):
        with Server(url, Access()) as other:
            yield other
    else:
        within(server, url)
        yield server


def _exported(manifest: dict[str, Any]) -> Exported:
    files = [(told["type"] != "Patient", str(told["url"])) for told in manifest["output"]]
    # What was deleted is read last: what was there before may be in the same export.
    files += [(True, str(told["url"])) for told in manifest.get("deleted") or ()]
    return Exported(
        until=str(manifest["transactionTime"]),
        files=tuple(url for _, url in sorted(files, key=lambda file: file[0])),
        is_open=manifest.get("requiresAccessToken") is False,
        problems=len(manifest.get("error") or ()),
    )
