"""Take the resources out of a FHIR file: lines, the entries of a bundle, or the one resource it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import ijson

from federim_pipelines.items import Item, Reason, Refusal
from federim_pipelines.sources.content import open_file, opened, size_of

SPAN_BYTES = 4 << 20  # of lines, for one worker: some 4,000 resources, a quarter of a second's work
WHOLE_BYTES = 64 << 20  # a larger bundle is streamed: parsed whole it takes ten times its size in memory
HEAD_BYTES = 64 << 10

Resource = dict[str, Any]
Numbered = tuple[int, str, Any]  # line or entry from 1, fullUrl, resource

DELETION = "deletion"  # stands in resourceType for an entry that says its resource was deleted
NOTHING = "other"  # stands in resourceType for an entry that holds none

BROKEN_JSON = (ValueError, ijson.JSONError, RecursionError)  # a number of too many digits is the first


class NotFhir(Exception):
    """A JSON file that says of itself that it is something else."""


def spans(item: Item) -> Iterator[Item]:
    """The pieces of one FHIR file: spans of lines if it is NDJSON, else the file itself."""
    if item.member or not is_lines(item):
        yield item
        return
    start, line = 0, 1
    with open_file(item.path) as file:
        while block := file.read(SPAN_BYTES):
            block += file.readline()
            end = start + len(block)
            yield Item(source=item.source, path=item.path, start=start, end=end, first_line=line)
            start, line = end, line + block.count(b"\n")


def is_lines(item: Item) -> bool:
    """Whether a file is NDJSON: by its name, or because its first line is an object and others follow."""
    if item.end is not None or item.file_name.lower().endswith((".ndjson", ".jsonl")):
        return True
    with opened(item) as file:
        first, newline, rest = file.read(HEAD_BYTES).lstrip().partition(b"\n")
    if not newline or not rest.strip():
        return False
    try:
        return isinstance(json.loads(first), dict)
    except ValueError:
        return False


def lines(item: Item, refusals: list[Refusal]) -> Iterator[Numbered]:
    """The resources of a span of lines; lines that are no JSON are added to `refusals`."""
    with opened(item) as file:
        for number, line in enumerate(file, start=item.first_line):
            if not line.strip():
                continue
            try:
                resource = json.loads(line)
            except (ValueError, RecursionError):
                refusals.append(Refusal(reason=Reason.UNREADABLE, position=number, detail="JSON"))
                continue
            yield number, "", resource


def entries(item: Item) -> Iterable[Numbered]:
    """The resources of a bundle, or the one the file is; may be gone through more than once.

    Raises
    ------
    NotFhir
        It says of itself that it is something else.
    BROKEN_JSON
        It is no JSON; of a bundle that is streamed, when its end is met.
    """
    if size_of(item) > WHOLE_BYTES:
        return _StreamedBundle(item)
    with opened(item) as file:
        document = json.loads(file.read())
    if not isinstance(document, dict) or "resourceType" not in document:
        raise NotFhir
    if document["resourceType"] != "Bundle":
        return [(1, "", document)]
    return list(_numbered(document.get("entry") or ()))


def inner(bundle: Resource, position: int) -> list[Numbered]:
    """The resources of a bundle that is a line or an entry itself, all at its place."""
    return [(position, full_url, resource) for _, full_url, resource in _numbered(bundle.get("entry") or ())]


def first(item: Item, kinds: frozenset[str]) -> Iterator[Numbered]:
    """The resources of some kinds in a file, met before any is read for what it says.

    Raises
    ------
    NotFhir, BROKEN_JSON
        As `entries`.
    """
    if not is_lines(item):
        yield from _only(entries(item), kinds)
        return
    wanted = re.compile(rb'"resourceType"\s*:\s*"(?:%s)"' % "|".join([*sorted(kinds), "Bundle"]).encode())
    with opened(item) as file:
        for number, line in enumerate(file, start=item.first_line):
            # Most lines are results: the cheap look saves parsing them twice.
            if wanted.search(line):
                with suppress(ValueError, RecursionError):
                    yield from _only([(number, "", json.loads(line))], kinds)


def broken(error: Exception) -> Reason:
    """Whether broken JSON ends before its content does."""
    if isinstance(error, json.JSONDecodeError):
        # The parser stops where the text does, or at the string, word or escape it could not finish.
        left = len(error.doc.rstrip()) - error.pos
        cut = error.msg.startswith("Unterminated string") or left <= len("\\uXXXX")
        return Reason.TRUNCATED if cut else Reason.UNREADABLE
    return Reason.TRUNCATED if "premature EOF" in str(error) else Reason.UNREADABLE


@dataclass(frozen=True)
class _StreamedBundle:
    """The entries of a bundle too large to be held."""

    item: Item

    def __iter__(self) -> Iterator[Numbered]:
        number = 0
        with opened(self.item) as file:
            for number, full_url, resource in _numbered(ijson.items(file, "entry.item", use_float=True)):
                yield number, full_url, resource
        if number == 0:
            raise NotFhir


def _numbered(told: Iterable[Any]) -> Iterator[Numbered]:
    for number, entry in enumerate(told, start=1):
        if isinstance(entry, dict) and "resource" in entry:
            yield number, str(entry.get("fullUrl", "")), entry["resource"]
        else:
            yield number, "", _without_resource(entry)


def _without_resource(entry: Any) -> Resource:
    """An entry's deletion, as in a history or in a bulk export's `deleted` files, shaped as a resource."""
    request = entry.get("request") if isinstance(entry, dict) else None
    if isinstance(request, dict) and request.get("method") == "DELETE":
        return {"resourceType": DELETION, "url": request.get("url")}
    return {"resourceType": NOTHING}


def _only(resources: Iterable[Numbered], kinds: frozenset[str]) -> Iterator[Numbered]:
    for number, full_url, resource in resources:
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if kind == "Bundle":
            yield from _only(inner(resource, number), kinds)
        elif kind in kinds:
            yield number, full_url, resource
