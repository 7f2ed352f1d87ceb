"""A small DICOMweb server over objects in memory, which fails in the ways real ones do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO

import pydicom
from pydicom.data import get_testdata_file
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

BOUNDARY = "made-up--boundary"


def scan(
    instance: str,
    *,
    series: str = "1.2.3.1",
    study: str = "1.2.3",
    patient: str = "IPP-7",
    **elements: object,
) -> bytes:
    """A CT slice of a real scanner's header, somebody else's."""
    made = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    made.PatientID, made.StudyInstanceUID, made.SeriesInstanceUID = patient, study, series
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = instance
    made.InstanceNumber = instance.rpartition(".")[2]
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    content = BytesIO()
    made.save_as(content)
    return content.getvalue()


@dataclass
class Store:
    """What a server holds, how it behaves, and what it was asked."""

    objects: dict[tuple[str, str, str], bytes] = field(default_factory=dict)  # study, series, instance
    page: int = 100  # entries it gives at most, whatever is asked for
    pages: bool = True  # whether it heeds offset
    counts: bool = True  # whether it tells how many instances there are
    single: bool = True  # whether it gives single instances
    statuses: list[int] = field(default_factory=list)  # of the next retrievals, 200 when there is none
    breaks: list[int | None] = field(default_factory=list)  # the part at which the next retrievals break off
    withheld: set[str] = field(default_factory=set)  # instances it tells of and does not give
    token: str = ""
    asked: list[str] = field(default_factory=list)  # paths, in the order of the requests
    headers: list[dict[str, str]] = field(default_factory=list)

    def add(self, *contents: bytes) -> None:
        for content in contents:
            header = pydicom.dcmread(BytesIO(content), stop_before_pixels=True)
            place = (header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID)
            self.objects[place] = content

    @property
    def retrievals(self) -> list[str]:
        """What was retrieved, or tried: the end of each path."""
        return [path.partition("/series/")[2] for path in self.asked if self._retrieves(path)]

    def app(self) -> Starlette:
        """The server."""
        series = "/studies/{study}/series/{series}"
        return Starlette(
            routes=[
                Route("/rs/studies", self.search),
                Route("/rs/studies/{study}/series", self.search),
                Route(f"/rs{series}/instances", self.search),
                Route(f"/rs{series}", self.retrieve),
                Route(f"/rs{series}/instances/{{instance}}", self.retrieve),
            ]
        )

    def search(self, request: Request) -> Response:
        """QIDO-RS: the studies, or the series or instances below one."""
        self._note(request)
        given = tuple(request.path_params.values())
        below: dict[str, int] = defaultdict(int)
        for place in self.objects:
            if place[: len(given)] == given:
                below[place[len(given)]] += 1
        limit, offset = (int(request.query_params[name]) for name in ("limit", "offset"))
        start = offset if self.pages else 0
        found = sorted(below)[start : start + min(limit, self.page)]
        if not found:
            return Response(status_code=204)
        uid, count = (("0020000D", "00201208"), ("0020000E", "00201209"), ("00080018", ""))[len(given)]
        entries: list[dict[str, dict[str, object]]] = []
        for one in found:
            entries.append({uid: {"vr": "UI", "Value": [one]}})
            if self.counts and count:
                entries[-1][count] = {"vr": "IS", "Value": [below[one]]}
        return JSONResponse(entries, media_type="application/dicom+json")

    def retrieve(self, request: Request) -> Response:
        """WADO-RS: a series, or one instance of it, as parts."""
        self._note(request)
        status = self.statuses.pop(0) if self.statuses else 200
        if status != 200:
            raise HTTPException(status, headers={"Retry-After": "0"})
        given = tuple(request.path_params.values())
        if len(given) == 3 and not self.single:
            raise HTTPException(404)
        found = [
            content
            for place, content in sorted(self.objects.items())
            if place[: len(given)] == given and place[2] not in self.withheld
        ]
        if not found:
            raise HTTPException(404)
        last = self.breaks.pop(0) if self.breaks else None
        return StreamingResponse(
            as_parts(found, BOUNDARY, last),
            media_type=f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
        )

    def _retrieves(self, path: str) -> bool:
        return not path.endswith(("/studies", "/series", "/instances"))

    def _note(self, request: Request) -> None:
        self.asked.append(request.url.path)
        self.headers.append(dict(request.headers))
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            raise HTTPException(401)


def as_parts(contents: list[bytes], boundary: str, last: int | None = None) -> Iterator[bytes]:
    """Objects as the parts of a multipart, broken off in the middle of one if `last` says of which."""
    for number, content in enumerate(contents):
        yield f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        if number == last:
            yield content[: len(content) // 2]
            raise ConnectionAbortedError
        yield content + b"\r\n"
    yield f"--{boundary}--\r\n".encode()
