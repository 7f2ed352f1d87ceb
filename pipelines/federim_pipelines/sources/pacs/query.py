"""Ask a PACS which studies it has (C-FIND)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pynetdicom import build_context
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
)

from federim.model.errors import InputError, UnknownName
from federim_pipelines.sources.pacs.calling import Calling, NoAssociation

Query = Mapping[str, str]

# PS3.4, C.6.2.1.2 and table C.6-5, and what the PACS known to us match on besides.
KEYS: Final = (
    "AccessionNumber",
    "BodyPartExamined",
    "InstitutionName",
    "InstitutionalDepartmentName",
    "ModalitiesInStudy",
    "PatientBirthDate",
    "PatientID",
    "PatientName",
    "PatientSex",
    "ReferringPhysicianName",
    "SOPClassesInStudy",
    "StudyDate",
    "StudyDescription",
    "StudyID",
    "StudyInstanceUID",
    "StudyTime",
)
PENDING: Final = (0xFF00, 0xFF01)

_DATES = re.compile(r"[0-9]{8}|[0-9]{8}-|-[0-9]{8}|[0-9]{8}-[0-9]{8}")
_RANGE = re.compile(r"([0-9]{8})-([0-9]{8})?")


@dataclass(frozen=True, slots=True)
class Study:
    """What a PACS tells of a study: as much as is needed to fetch it."""

    uid: str
    instances: int | None  # as many as the PACS says it has; None if it does not say
    sop_classes: tuple[str, ...]  # none if it does not say


def check_query(query: Query) -> None:
    """Raise `UnknownName` or `InputError` unless each key can be asked for and each value be a DICOM one."""
    if not query:
        raise InputError("an empty query would ask for the whole PACS; give a StudyDate at least")
    for key, value in query.items():
        if key not in KEYS:
            raise UnknownName("query attribute", key, KEYS)
        if not isinstance(value, str) or not value or "\0" in value:
            raise InputError(f"query attribute {key}: expected text, such as StudyDate = '20240101-20240131'")
        if dictionary_VR(key) == "DA" and not _DATES.fullmatch(value):
            raise InputError(f"query attribute {key}: expected a date or range as 20240101-20240131")
    for _ in by_day(query):
        break


def by_day(query: Query) -> Iterator[Query]:
    """The query once a day of its range of StudyDate, or as it is.

    A PACS that many studies match answers slowly, or cuts its answer short without saying so.

    Raises
    ------
    InputError
        The range cannot be read.
    """
    value = query.get("StudyDate", "")
    match = _RANGE.fullmatch(value)
    if match is None:
        yield query
        return
    try:
        first = dt.date.fromisoformat(match[1])
        last = dt.date.fromisoformat(match[2]) if match[2] else dt.datetime.now().astimezone().date()
    except ValueError:
        raise InputError("query attribute StudyDate: expected YYYYMMDD-YYYYMMDD or YYYYMMDD-") from None
    if last < first:
        raise InputError("query attribute StudyDate: the range ends before it begins")
    for number in range((last - first).days + 1):
        yield {**query, "StudyDate": f"{first + dt.timedelta(days=number):%Y%m%d}"}


def studies(calling: Calling, query: Query) -> Iterator[Study]:
    """The studies that match, as the PACS lists them.

    Raises
    ------
    NoAssociation
        The PACS cannot be asked, or does not answer to the end.

    References
    ----------
    DICOM PS3.4, C.4.1 (C-FIND), C.6.2 (Study Root).
    """
    asked = Dataset()
    asked.QueryRetrieveLevel = "STUDY"
    for key in ("StudyInstanceUID", "NumberOfStudyRelatedInstances", "SOPClassesInStudy"):
        setattr(asked, key, "")
    for key, value in query.items():
        setattr(asked, key, value)
    if any(ord(character) > 127 for value in query.values() for character in value):
        asked.SpecificCharacterSet = "ISO_IR 192"
    model = StudyRootQueryRetrieveInformationModelFind
    with calling.associated([build_context(model)]) as association:
        for status, answer in association.send_c_find(asked, model):
            code = status.get("Status")
            if code in PENDING and answer is not None:
                if (study := _study(answer)) is not None:
                    yield study
            elif code not in (*PENDING, 0x0000):
                told = "no answer" if code is None else f"status {code:04X}"
                raise NoAssociation(f"{calling.peer}: the query ended with {told}; ask for less at a time")


def _study(answer: Dataset) -> Study | None:
    uid = str(answer.get("StudyInstanceUID") or "").strip()
    if not uid:
        return None
    count = str(answer.get("NumberOfStudyRelatedInstances") or "").strip()
    classes = answer.get("SOPClassesInStudy") or ()
    if isinstance(classes, str):
        classes = (classes,)
    return Study(uid, int(count) if count.isdecimal() else None, tuple(sorted(map(str, classes))))
