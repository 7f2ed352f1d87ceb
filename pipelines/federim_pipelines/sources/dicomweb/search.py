"""Search a DICOMweb server for studies, their series and instances, page by page (QIDO-RS)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydicom.datadict import tag_for_keyword

from federim.model.errors import InputError, UnknownName
from federim_pipelines.sources.query_words import read_query
from federim_pipelines.sources.web.server import Server, Unreachable

# A server may give fewer a page. Far larger pages, and slow servers time out; far smaller, and the
# round trips count.
PAGE: Final = 100

_JSON: Final = "application/dicom+json"
_STUDY, _SERIES, _INSTANCE = "0020000D", "0020000E", "00080018"
_SERIES_INSTANCES: Final = "00201209"
_STUDY_INSTANCES: Final = "00201208"
_USED_HERE: Final = ("limit", "offset", "includefield", "fuzzymatching")


@dataclass(frozen=True, slots=True)
class Found:
    """A study or series; `instances` is how many the server says it has, None where it does not say."""

    uid: str
    instances: int | None


def parse_query(words: Iterable[str]) -> dict[str, str]:
    """Matching attributes by keyword, as `query_words.read_query` reads them.

    Raises
    ------
    InputError
        As `read_query`; or a word is a parameter that this search sets itself.
    UnknownName
        DICOM has no attribute of that keyword.
    """
    query = read_query(words)
    for keyword in query:
        if keyword in _USED_HERE:
            raise InputError(f"query: {keyword} is set by the search itself; expected a DICOM attribute")
        if tag_for_keyword(keyword) is None:
            raise UnknownName("DICOM attribute", keyword, ATTRIBUTES)
    return query


ATTRIBUTES: Final = (
    "InstitutionName", "ModalitiesInStudy", "PatientSex", "ReferringPhysicianName", "StudyDate",
    "StudyDescription", "StudyID", "StudyInstanceUID", "StudyTime",
)  # fmt: skip
"""What servers can be asked for studies by (PS3.18, table 10.6.1-5 and what many add)."""


class Search:
    """Asks one server what it has.

    Every method raises `Answered` or `Unreachable` as `Server.patiently` does, and `Unreachable` where an
    answer is no DICOM JSON.
    """

    def __init__(self, server: Server, *, page: int = PAGE) -> None:
        self._server = server
        self._page = page

    def studies(self, query: Mapping[str, str]) -> Iterator[Found]:
        """The studies that match, in the server's order; one may come twice if others arrive meanwhile."""
        asked = "a search for studies (QIDO-RS)"
        fields = {**query, "includefield": _STUDY_INSTANCES}
        for entry in self._entries(asked, "studies", fields, _STUDY):
            yield Found(_text(entry, _STUDY), _number(entry, _STUDY_INSTANCES))

    def series(self, study: str) -> Iterator[Found]:
        """The series of a study."""
        asked = "a search for series (QIDO-RS)"
        fields = {"includefield": _SERIES_INSTANCES}
        for entry in self._entries(asked, f"studies/{study}/series", fields, _SERIES):
            yield Found(_text(entry, _SERIES), _number(entry, _SERIES_INSTANCES))

    def instances(self, study: str, series: str) -> Iterator[str]:
        """The SOPInstanceUIDs of a series."""
        asked = "a search for instances (QIDO-RS)"
        for entry in self._entries(asked, f"studies/{study}/series/{series}/instances", {}, _INSTANCE):
            yield _text(entry, _INSTANCE)

    def _entries(self, asked: str, path: str, fields: Mapping[str, str], uid: str) -> Iterator[Any]:
        """All entries, page after page until one brings nothing new.

        A page shorter than asked for is no sign of the end: servers have limits of their own. Nor may the
        end be waited for alone: some servers give the same page for every offset.

        References
        ----------
        DICOM PS3.18, 8.3.4.4.
        """
        offset, before = 0, set[str]()
        while True:
            paging = {"limit": str(self._page), "offset": str(offset)}
            page = self._server.json(asked, path, {**fields, **paging}, _JSON)
            if not page:
                return
            if not isinstance(page, list) or not all(_text(entry, uid) for entry in page):
                raise Unreachable(
                    f"{self._server.host} answered {asked} with something else than DICOM JSON; check the URL"
                )
            now = {_text(entry, uid) for entry in page}
            if now <= before:
                return
            yield from (entry for entry in page if _text(entry, uid) not in before)
            offset, before = offset + len(page), now


def _value(entry: Any, tag: str) -> Any:
    try:
        return entry[tag]["Value"][0]
    except (TypeError, KeyError, IndexError):
        return None


def _text(entry: Any, tag: str) -> str:
    value = _value(entry, tag)
    return value if isinstance(value, str) else ""


def _number(entry: Any, tag: str) -> int | None:
    # The integer strings of DICOM JSON come as numbers or, since 2022, as strings.
    told = str(_value(entry, tag))
    return int(told) if told.isdecimal() else None
