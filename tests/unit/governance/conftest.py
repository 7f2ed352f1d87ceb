"""A site with a frozen cohort of made-up persons, and the members who decide on exports."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from federim.database import alias, migrate
from federim.governance import decisions, requests, reviews, votes
from federim.governance.assessment import assess
from federim.governance.documents import Document
from federim.governance.forms import definition_from
from federim.governance.members import enrol
from federim.home import Home, Role
from federim.identity.exchange import Exchange
from federim.lake import snapshot
from federim.lake.snapshot import Snapshot
from federim.lake.tables import Lake
from federim.model.export import Ballot, ExportDefinition, MemberRole

TODAY = date(2026, 3, 2)
MEMBERS = {
    "ada": [MemberRole.RESEARCHER, MemberRole.COMMITTEE],  # on the committee too, never for her own request
    "carl": [MemberRole.COORDINATOR],
    "olga": [MemberRole.SITE_OFFICER],
    "mia": [MemberRole.COMMITTEE],
    "noe": [MemberRole.COMMITTEE],
    "pia": [MemberRole.COMMITTEE],
}
CRP = {"name": "crp", "from": "measurement", "why": "the main outcome"}
BY_GENDER = {
    **CRP,
    "group_by": ["person.gender_concept_id"],
    "measures": ["persons", "mean(value_as_number)"],
}


def pseudonym(number: int) -> str:
    return hashlib.sha256(f"person {number}".encode()).hexdigest()[:32]


def fill(home: Home, persons: range, *, site: str = "alpha") -> None:
    """Persons born 1950 + n // 4, three in four of them female; two CRP results each."""
    Exchange.open(home).close()  # a lake with persons has a vault beside it
    rows: dict[str, list[dict[str, Any]]] = {"person": [], "measurement": []}
    for number in persons:
        rows["person"].append(
            {
                "person_id": pseudonym(number),
                "year_of_birth": 1950 + number // 4,
                "gender_concept_id": 8507 if number % 4 == 0 else 8532,
                "site": site,
                "linked": False,
            }
        )
        for result in range(2):
            rows["measurement"].append(
                {
                    "person_id": pseudonym(number),
                    "measurement_id": hashlib.md5(f"{number} {result}".encode()).hexdigest(),
                    "measurement_concept_id": 0,
                    "measurement_source_value": "1988-5",
                    "measurement_source_system": "http://loinc.org",
                    "measurement_date": date(2025, 1, 1),
                    "value_as_number": 0.1 * number + result,
                    "unit": "mg/L",
                }
            )
    with Lake(home).writing() as writer:
        writer.commit(rows, {})


def freeze(home: Home, name: str = "everyone", *, born_from: int = 1900) -> Snapshot:
    """Freeze the persons born in that year or later."""
    text = f'title = "Everyone"\n[person]\nyear_of_birth = {{ at_least = {born_from} }}\n'
    (home.cohorts / f"{name}.toml").write_text(text)
    return snapshot.freeze(home, name)


def form(frozen: Snapshot, *tables: dict[str, Any], site: str = "alpha", **changes: Any) -> dict[str, Any]:
    """A request form that asks mean CRP by gender, unless told otherwise."""
    asked = tables or (
        {**CRP, "group_by": ["person.gender_concept_id"], "measures": ["persons", "mean(value_as_number)"]},
    )
    return {
        "project": "crp-study",
        "purpose": "scientific-research",
        "question": "Does C-reactive protein differ by gender?",
        "route": "mr-004",
        "reference": "F20260001",
        "snapshots": [{"site": site, "id": frozen.id, "sha256": frozen.sha256}],
        "tables": list(asked),
        **changes,
    }


@dataclass(frozen=True)
class Centre:
    """A small centre that decides for itself: one site home, its snapshot and its members."""

    home: Home
    frozen: Snapshot
    today: date = TODAY

    def form(self, *tables: dict[str, Any], **changes: Any) -> dict[str, Any]:
        return form(self.frozen, *tables, **changes)

    def definition(self, *tables: dict[str, Any], **changes: Any) -> ExportDefinition:
        return definition_from(self.form(*tables, **changes))

    def fill(self, persons: range) -> None:
        fill(self.home, persons)

    def refrozen(self, name: str, *, born_from: int = 1900) -> Centre:
        """The same centre with another snapshot: the persons born in that year or later."""
        return Centre(self.home, freeze(self.home, name, born_from=born_from))

    def requested(self, *tables: dict[str, Any]) -> str:
        """The number of a draft of ada's."""
        return requests.request(self.home, "ada", self.definition(*tables)).number

    def submitted(self, *tables: dict[str, Any]) -> str:
        number = self.requested(*tables)
        assess(self.home, "olga", requests.package(self.home, number))
        requests.submit(self.home, "ada", number)
        return number

    def in_review(self, *tables: dict[str, Any]) -> str:
        number = self.submitted(*tables)
        reviews.open_review(self.home, "carl", number, due=TODAY + timedelta(days=14))
        return number

    def voted(self, *ballots: Ballot, number: str = "") -> str:
        number = number or self.in_review()
        for name, ballot in zip(("mia", "noe", "pia"), ballots, strict=False):
            conditions = "publish the code" if ballot is Ballot.APPROVE_WITH_CONDITIONS else ""
            votes.cast(self.home, name, number, ballot, reason="because", conditions=conditions)
        return number

    def decided(self, *tables: dict[str, Any]) -> Document:
        """The decision on an approved request, in force for a year from TODAY."""
        number = self.voted(*[Ballot.APPROVE] * 3, number=self.in_review(*tables))
        issued = decisions.decide(
            self.home, "carl", number, starts=TODAY, ends=TODAY + timedelta(days=365), today=TODAY
        )
        document: Document = issued[0].document
        return document


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The home of `centre` and its snapshot's name: filling a lake takes longer than copying one."""
    home = Home.create(tmp_path_factory.mktemp("centre") / "alpha", role=Role.SITE, name="alpha")
    migrate(home)
    for name, roles in MEMBERS.items():
        enrol(home, "carl", name, roles)
    fill(home, range(80))
    frozen = freeze(home, "everyone")
    connections[alias(home)].close()  # SQLite folds its log into the file that is copied
    return home.root, frozen.id


@pytest.fixture
def centre(built_once: tuple[Path, str], tmp_path: Path) -> Centre:
    """A centre of 80 persons, 20 of them male, all in the snapshot."""
    root, name = built_once
    home = Home.open(Path(shutil.copytree(root, tmp_path / "alpha")))
    return Centre(home, snapshot.load(home, name))
