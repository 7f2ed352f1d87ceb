"""A package that names a snapshot is answered from the one that stands in its place since an erasure."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from federim.governance.assessment import examine_here
from federim.lake.reader import connect_home, query
from federim.lake.rewriting import Change, rewrite
from federim.lake.tables import Lake
from federim.model.errors import VerificationFailed
from federim.model.identifiers import Pseudonym


def someone(centre: Any) -> Pseudonym:
    with connect_home(centre.home) as connection:
        found = query(connection, "SELECT min(person_id) AS p FROM person", seconds=9)
    return Pseudonym(found["p"][0].as_py())


def test_a_person_who_is_gone_is_not_counted(centre: Any) -> None:
    before = examine_here(centre.home, centre.definition(), "p" * 64).report
    with Lake(centre.home).writing() as writer:
        rewrite(centre.home, writer, Change(person_id=someone(centre), into=None))
    after = examine_here(centre.home, centre.definition(), "p" * 64).report
    assert (before.persons, after.persons) == (80, 79)


def test_a_hash_that_the_snapshot_never_had_is_refused(centre: Any) -> None:
    with Lake(centre.home).writing() as writer:
        rewrite(centre.home, writer, Change(person_id=someone(centre), into=None))
    forged = dataclasses.replace(centre, frozen=dataclasses.replace(centre.frozen, sha256="0" * 64))
    with pytest.raises(VerificationFailed, match="not the one the package names"):
        examine_here(centre.home, forged.definition(), "p" * 64)
