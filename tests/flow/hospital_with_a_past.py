"""The hospital that forgets, some of whose persons it has known for a quarter of a century."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

from clinical_messages import Result, Someone, fhir_bundle
from django.db import connections
from hospital_that_forgets import OFFICER, Hospital, build, people

from federim.database import alias
from federim.lake import snapshot
from federim_pipelines.run import ingest

LONG_AGO = dt.datetime(1999, 5, 18, 8, 30)
FIRST_DAY_TOO_LATE = dt.date(2019, 5, 19)
"""The day on which what was told long ago is older than twenty years."""


def known_since_long() -> list[Someone]:
    """Some of the hospital's persons, of whom it has results from long ago as well."""
    return people()[1:4]


def seen_only_then() -> list[Someone]:
    """Persons of whom it has nothing else."""
    return [Someone.born(1930 + n, 1 + n, 201 + n, ipp=f"IPP-8800{n:04d}") for n in range(3)]


def build_with_a_past(folder: Path) -> Hospital:
    """The hospital, with another snapshot of everybody."""
    hospital = build(folder)
    past = folder / "past"
    past.mkdir()
    for someone in (*known_since_long(), *seen_only_then()):
        told = [Result(at=LONG_AGO, number=70.0 + n, name=f"long-ago-{n}") for n in range(2)]
        (past / f"{someone.ipp}.json").write_bytes(fhir_bundle(someone, told))
    report = ingest(hospital.home, [past], actor=OFFICER)
    assert report.quarantined == 0, report
    snapshot.freeze(hospital.home, "everyone")
    connections[alias(hospital.home)].close()
    shutil.rmtree(past)
    return hospital
