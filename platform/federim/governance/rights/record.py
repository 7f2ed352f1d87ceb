"""Keep a signed record of each erasure: what went, in counts, and when; of whom it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from federim import signed
from federim.governance import documents
from federim.governance.rights.steps import counts
from federim.home import Home
from federim.identity.rights import Erasure
from federim.keys import replace_private
from federim.model.errors import VerificationFailed
from federim.signed import Document

KIND: Final = "erasure"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRecord:
    """What an erasure did.

    Attributes
    ----------
    tables : mapping
        Rows that left the live lake, by table.
    rows_left : int
        Rows of the person that a search found afterwards in any file of the lake: 0.
    elsewhere : mapping
        By place outside the lake, what left it: counts.
    """

    id: str
    project: str
    begun_at: str
    ended_at: str
    tables: Mapping[str, int]
    files_rewritten: int
    snapshots: int
    releases_revised: int
    releases_withdrawn: int
    rows_left: int
    elsewhere: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The record for programs."""
        return {name: getattr(self, name) for name in self.__slots__}


_OWN: Final = (
    "tables",
    "files_rewritten",
    "snapshots",
    "releases_revised",
    "releases_withdrawn",
    "rows_left",
)


def of(erasure: Erasure) -> ErasureRecord:
    """The record of an erasure whose steps are complete."""
    told = {name: counts(outcome) for name, outcome in erasure.done.items()}
    own: dict[str, Any] = {"tables": {}, **dict.fromkeys(_OWN[1:], 0)}
    elsewhere: dict[str, dict[str, Any]] = {}
    for step, outcome in told.items():
        own |= {name: value for name, value in outcome.items() if name in _OWN}
        if others := {name: value for name, value in outcome.items() if name not in _OWN and value}:
            elsewhere[step] = others
    return ErasureRecord(
        id=erasure.id,
        project=erasure.project,
        begun_at=erasure.begun_at,
        ended_at=datetime.now(UTC).isoformat(timespec="seconds"),
        elsewhere=elsewhere,
        **own,
    )


def keep(home: Home, record: ErasureRecord) -> None:
    """Write the record to `erasures/ID.json`, signed by the site."""
    home.erasures.mkdir(mode=0o700, exist_ok=True)
    document = signed.sign(home, KIND, {"record": record.as_json()})
    replace_private(home.erasures / f"{record.id}.json", documents.as_bytes(document))


def every(home: Home) -> list[Document]:
    """All records of the home, the oldest first.

    Raises
    ------
    VerificationFailed
        One is not as this site signed it.
    """
    found = [documents.read(path) for path in sorted(home.erasures.glob("*.json"))]
    for document in found:
        if signed.check(home.trust_roots, document, KIND, what="an erasure record") != home.name:
            raise VerificationFailed("an erasure record is signed by another home")
    return sorted(found, key=lambda document: str(document["signed_at"]))
