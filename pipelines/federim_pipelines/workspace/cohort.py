"""Read what goes into a workspace from a frozen cohort, some persons at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import duckdb
import pyarrow as pa

from federim.home import Home
from federim.identity.rights import Rights
from federim.lake import faces, snapshot
from federim.lake.declaration import Table
from federim.lake.reader import query
from federim.lake.snapshot import Snapshot
from federim.model.identifiers import Pseudonym
from federim_pipelines.workspace.hop import ProjectHop

PERSONS_AT_A_TIME: Final = 1_000
SECONDS: Final = 3_600  # of one query: it is the site's own, not a researcher's


class GrantedCohort:
    """The persons of a frozen cohort who do not object to the project, and their rows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def persons(self) -> list[Pseudonym]:
        """Everybody who is in it."""
        told = query(self._connection, "SELECT person_id FROM cohort_person", seconds=SECONDS)
        return [Pseudonym(each) for each in told["person_id"].to_pylist()]

    def count(self, table: str) -> int:
        """How many rows a table has."""
        told = query(self._connection, f'SELECT count(*) AS n FROM "{table}"', seconds=SECONDS)
        return int(told["n"][0].as_py())

    def rows(self, table: Table, persons: Sequence[Pseudonym]) -> pa.Table:
        """The rows of some persons: of the columns that the table declares, no other."""
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        sql = f'SELECT {names} FROM "{table.name}" WHERE person_id IN (SELECT unnest($persons))'
        return query(self._connection, sql, seconds=SECONDS, parameters={"persons": list(persons)})

    def held(self) -> frozenset[str]:
        """The series whose pixels may show a face."""
        return faces.held(self._connection, seconds=SECONDS)


@contextmanager
def granted_cohort(home: Home, frozen: Snapshot, project: str) -> Iterator[GrantedCohort]:
    """The frozen cohort, without those who object to the project.

    Raises
    ------
    LakeError, VerificationFailed
        A pinned file is gone, or was changed.
    """
    snapshot.verify(home, frozen)
    with snapshot.connect(home, frozen) as connection:
        everybody = GrantedCohort(connection).persons()
    with Rights.open(home) as rights:
        # To all research, too: who was listed a moment ago may be in the lake still.
        opposed = rights.opposed_to(project, everybody) | rights.opposed_to("", everybody)
    with snapshot.connect(home, frozen, without=opposed) as connection:
        yield GrantedCohort(connection)


def groups(hops: Mapping[Pseudonym, ProjectHop]) -> Iterator[dict[Pseudonym, ProjectHop]]:
    """Persons in groups, in the project's order: how they are grouped tells nothing of the lake's."""
    ordered = sorted(hops.items(), key=lambda each: each[1].person_id)
    for first in range(0, len(ordered), PERSONS_AT_A_TIME):
        yield dict(ordered[first : first + PERSONS_AT_A_TIME])
