"""Page through what changed on a FHIR server that exports nothing in bulk."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

from federim_pipelines.sources.fhir.addresses import FHIR_JSON, within
from federim_pipelines.sources.web.server import Server, Unexpected, document, parsed

# A server may give fewer a page. Far larger pages, and slow servers time out; far smaller, and the round
# trips count.
PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Page:
    """A searchset as it came: `entries` of them in `content`, and the URL of the next, "" after the last."""

    content: bytes
    entries: int
    next: str
    at: dt.datetime  # of the answer, by the server's clock


def first(server: Server, kind: str, since: str) -> str:
    """The URL of the first page of a kind of resources that changed since an instant ("" is ever).

    References
    ----------
    HL7 FHIR R4, 3.1.1.4.2 (_lastUpdated) and 3.1.1.5.4 (_count).
    """
    changed = {"_lastUpdated": f"ge{since}"} if since else {}
    return str((server.url.join(server.under(kind))).copy_merge_params({**changed, "_count": str(PAGE)}))


def page(server: Server, kind: str, url: str) -> Page:
    """One page of a search.

    Raises
    ------
    Answered, Unreachable
        As `Server.patiently`; what is no Bundle counts as unreachable.
    InputError
        The next page would be another server's.

    References
    ----------
    HL7 FHIR R4, 3.1.1.6, searchset bundles and their links.
    """
    asked = f"a search for {kind}"

    def attempt() -> Page:
        with server.answer(asked, url, headers={"Accept": FHIR_JSON}) as response:
            content = document(response)
            at = response.headers.get("Date")
        bundle = _bundle(content)
        links = {link.get("relation"): link.get("url") for link in bundle.get("link") or ()}
        if links.get("next") == url:
            raise Unexpected  # it would be asked for without end
        return Page(
            content=content,
            entries=len(bundle.get("entry") or ()),
            next=within(server, links["next"]) if links.get("next") else "",
            at=parsedate_to_datetime(at) if at else dt.datetime.now(dt.UTC),
        )

    return server.patiently(asked, attempt)


def _bundle(content: bytes) -> dict[str, Any]:
    told = parsed(content)
    if not isinstance(told, dict) or told.get("resourceType") != "Bundle":
        raise Unexpected
    return told
