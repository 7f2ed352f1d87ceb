"""Read what studies to ask for from the words of a command line, where no patient's value may stand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from federim.model.errors import InputError

# Other users of a machine see the options of its processes, and servers log the queries of URLs.
OF_A_PATIENT: Final = ("AccessionNumber", "PatientBirthDate", "PatientID", "PatientName")


def read_query(words: Iterable[str]) -> dict[str, str]:
    """Values by keyword, from `Keyword=value` words: `ModalitiesInStudy=CT`, `StudyDate=20240101-20240630`.

    Raises
    ------
    InputError
        A word is not of that form, comes twice, or tells of a patient.
    """
    query: dict[str, str] = {}
    for place, word in enumerate(words, 1):
        keyword, _, value = word.partition("=")
        if not value or keyword in query:
            raise InputError(
                f"query {place}: expected KEYWORD=VALUE, such as ModalitiesInStudy=CT, each keyword once"
            )
        if keyword in OF_A_PATIENT:
            raise InputError(
                f"query {place}: {keyword} tells of a patient, and a command line or URL can be seen by "
                "others; ask a PACS for it from a work list (federim pull pacs --work-list)"
            )
        query[keyword] = value
    return query
