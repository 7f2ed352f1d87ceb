"""What may be asked to leave, in which words, and where a request stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from federim.model.errors import InputError, UnknownName

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
DIGEST = re.compile(r"[0-9a-f]{64}")

Word = TypeVar("Word", bound=StrEnum)


class Status(StrEnum):
    """Where an export request stands; `SENTENCES` says each in plain words."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    APPROVED_WITH_CONDITIONS = "approved_with_conditions"
    CONDITIONS_MET = "conditions_met"
    CHANGES_REQUESTED = "changes_requested"
    REFUSED = "refused"
    RELEASED = "released"
    EXPIRED = "expired"
    REVOKED = "revoked"
    WITHDRAWN = "withdrawn"


SENTENCES: dict[Status, str] = {
    Status.DRAFT: "the researcher is still writing it, and each site still has to measure its risk",
    Status.SUBMITTED: "the package is frozen and waits for a review to be opened",
    Status.IN_REVIEW: "the committee votes; nobody sees another's vote before casting their own",
    Status.APPROVED: "every site asked may release it until the grant ends",
    Status.APPROVED_WITH_CONDITIONS: "it may be released once the committee's conditions are met",
    Status.CONDITIONS_MET: "the conditions were met; every site asked may release it until the grant ends",
    Status.CHANGES_REQUESTED: "the committee asks the researcher for a new revision",
    Status.REFUSED: "the committee said no; nothing leaves",
    Status.RELEASED: "at least one site has released it",
    Status.EXPIRED: "the grant has ended; nothing more is released",
    Status.REVOKED: "the approval was taken back; nothing more is released",
    Status.WITHDRAWN: "the researcher took it back",
}


class MemberRole(StrEnum):
    """What a member of a home may do in the life of a request."""

    RESEARCHER = "researcher"  # asks
    COMMITTEE = "committee"  # gives an opinion
    COORDINATOR = "coordinator"  # enrols members, opens reviews, issues decisions
    SITE_OFFICER = "site_officer"  # measures risk at a site, and releases there
    REIDENTIFIER = "reidentifier"  # asks who a pseudonym stands for, or agrees that another may know


class Ballot(StrEnum):
    """What a member of the committee may say."""

    APPROVE = "approve"
    APPROVE_WITH_CONDITIONS = "approve-with-conditions"
    REQUEST_CHANGES = "request-changes"
    REFUSE = "refuse"


class Purpose(StrEnum):
    """What the law lets health data be used for a second time (EHDS, article 53)."""

    SCIENTIFIC_RESEARCH = "scientific-research"
    PUBLIC_HEALTH = "public-health"
    STATISTICS = "statistics"
    TEACHING = "teaching"
    ALGORITHM_TRAINING = "algorithm-training"


FORBIDDEN_PURPOSES = {
    "promotion": "promoting health products (code de la santé publique, L.1461-1 V, 1°; EHDS, article 54)",
    "insurance": "excluding from insurance or setting its price (L.1461-1 V, 2°; EHDS, article 54)",
}


class Route(StrEnum):
    """The legal ground a project in France stands on; each comes with a reference."""

    MR_004 = "mr-004"  # declared conformity to the reference methodology MR-004
    EDS = "eds"  # the health data warehouse referential
    CNIL = "cnil"  # an authorisation of the CNIL after the opinion of the CESREES


class Measure(StrEnum):
    """What may be told of a group. No minimum, maximum or median: each is one person's value."""

    ROWS = "rows"
    PERSONS = "persons"
    SUM = "sum"
    MEAN = "mean"
    STANDARD_DEVIATION = "sd"


class Format(StrEnum):
    """In which form a project is given what it asks."""

    ANONYMISED = "anonymised"  # tables that leave
    WORKSPACE = "workspace"  # single persons' rows under pseudonyms, read where they are, until a day


def one_of_each(what: str, names: Sequence[str]) -> None:
    """Raise `InputError` unless there is a name, and no name twice."""
    if not names or len(set(names)) != len(names):
        raise InputError(f"{what}: expected at least one, and no two of one name")


def one_of(kind: type[Word], name: str, what: str) -> Word:
    """The member of `kind` spelt `name`; raise `UnknownName` with the nearest."""
    try:
        return kind(name)
    except ValueError:
        raise UnknownName(what, name, [member.value for member in kind]) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedColumn:
    """A column as asked: `column`, `person.column`, or `person.year_of_birth/10` for bands of ten."""

    column: str
    of_person: bool = False
    band: int | None = None

    @classmethod
    def parse(cls, text: str) -> AskedColumn:
        """Read `[person.]column[/band]`; raise `InputError` for anything else."""
        found = re.fullmatch(r"(person\.)?([A-Za-z_][A-Za-z0-9_]*)(?:/([1-9][0-9]{0,5}))?", text)
        if not found:
            raise InputError(f"column {text!r}: expected NAME, person.NAME, or NAME/BAND with a whole band")
        person, column, band = found.groups()
        return cls(column=column, of_person=bool(person), band=int(band) if band else None)

    def __str__(self) -> str:
        return f"{'person.' if self.of_person else ''}{self.column}{f'/{self.band}' if self.band else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedMeasure:
    """A measure as asked: `rows`, `persons`, or `mean(value_as_number)`."""

    measure: Measure
    column: str = ""

    @classmethod
    def parse(cls, text: str) -> AskedMeasure:
        """Read `MEASURE` or `MEASURE(column)`; raise `InputError` or `UnknownName`."""
        found = re.fullmatch(r"([a-z]+)(?:\(([A-Za-z_][A-Za-z0-9_]*)\))?", text)
        if not found:
            raise InputError(f"measure {text!r}: expected rows, persons, or mean(COLUMN)")
        measure = one_of(Measure, found[1], "measure")
        counts = measure in (Measure.ROWS, Measure.PERSONS)
        if counts == bool(found[2]):
            raise InputError(f"measure {text!r}: {measure} takes {'no' if counts else 'a'} column")
        return cls(measure=measure, column=found[2] or "")

    def __str__(self) -> str:
        return f"{self.measure}({self.column})" if self.column else self.measure.value

    @property
    def output(self) -> str:
        """Its column's name in the released table."""
        return f"{self.measure}_{self.column}" if self.column else self.measure.value


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTable:
    """One table that should leave: rows (`columns`), or groups (`group_by` and `measures`)."""

    name: str
    source: str
    why: str  # the justification the committee reads, table by table
    columns: tuple[AskedColumn, ...] = ()
    group_by: tuple[AskedColumn, ...] = ()
    measures: tuple[AskedMeasure, ...] = ()

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise InputError(f"table {self.name!r}: expected a lower-case name of letters, digits and _")
        if not self.why.strip():
            raise InputError(f"table {self.name}: say why it is needed (why = …); a committee will read it")
        if bool(self.columns) == bool(self.measures):
            raise InputError(f"table {self.name}: ask for columns, or for measures with group_by; not both")
        if self.columns and self.group_by:
            raise InputError(f"table {self.name}: group_by goes with measures")
        names = [each.column for each in (*self.columns, *self.group_by)]
        names += [each.output for each in self.measures]
        if len(set(names)) != len(names):
            raise InputError(f"table {self.name}: two of its columns have the same name")

    @property
    def aggregate(self) -> bool:
        return bool(self.measures)

    def as_document(self) -> dict[str, Any]:
        """The entry as a form holds it."""
        lists = {"columns": self.columns, "group_by": self.group_by, "measures": self.measures}
        return {
            "name": self.name,
            "from": self.source,
            "why": self.why,
            **{key: [str(each) for each in asked] for key, asked in lists.items() if asked},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotAsked:
    """The frozen cohort of one site, by name and by hash."""

    site: str
    id: str
    sha256: str

    def __post_init__(self) -> None:
        if not DIGEST.fullmatch(self.sha256):
            raise InputError(f"snapshot of {self.site}: sha256 must be 64 hexadecimal digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDefinition:
    """What every request says: for which project and purpose, on which legal ground, of which cohorts."""

    project: str
    purpose: Purpose
    question: str
    route: Route
    reference: str
    snapshots: tuple[SnapshotAsked, ...]

    def __post_init__(self) -> None:
        if not PROJECT.fullmatch(self.project):
            raise InputError(f"project {self.project!r}: expected lower-case letters, digits and hyphens")
        if not self.question.strip():
            raise InputError("question: say in a sentence what the project wants to know")
        if not self.reference.strip():
            raise InputError(f"reference: {self.route.value} needs the number it was declared or given under")
        one_of_each("snapshots", [snapshot.site for snapshot in self.snapshots])

    def as_document(self) -> dict[str, Any]:
        """The definition as a form holds it; its canonical JSON is what the package hash is made of."""
        return {
            "project": self.project,
            "purpose": self.purpose.value,
            "question": self.question,
            "route": self.route.value,
            "reference": self.reference,
            "snapshots": [
                {"site": each.site, "id": each.id, "sha256": each.sha256} for each in self.snapshots
            ],
        }

    def snapshot_of(self, site: str) -> SnapshotAsked:
        """The snapshot asked of `site`; raise `UnknownName` where the site is not asked."""
        for snapshot in self.snapshots:
            if snapshot.site == site:
                return snapshot
        raise UnknownName("site of this request", site, [each.site for each in self.snapshots])


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportDefinition(RequestDefinition):
    """What should leave, anonymised."""

    tables: tuple[AskedTable, ...]

    def __post_init__(self) -> None:
        RequestDefinition.__post_init__(self)
        one_of_each("tables", [table.name for table in self.tables])

    def as_document(self) -> dict[str, Any]:
        """The definition as a form holds it; its canonical JSON is what the package hash is made of."""
        return {
            **RequestDefinition.as_document(self),
            "format": Format.ANONYMISED.value,
            "tables": [table.as_document() for table in self.tables],
        }
