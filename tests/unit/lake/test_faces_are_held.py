"""A series with a face, or one nobody looked at, is held; whatever came first, one face is enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pyarrow.parquet as pq
import pytest

from federim.home import Home
from federim.lake import evolution, faces, snapshot
from federim.lake.declared.imaging import IMAGE_OCCURRENCE
from federim.lake.reader import connect_home
from federim.lake.schema import TABLES
from federim.lake.tables import Lake
from federim.model.errors import SchemaError

FLAG = "RecognizableVisualFeatures"


def held(site: Home) -> frozenset[str]:
    with connect_home(site) as connection:
        return faces.held(connection, seconds=60)


@pytest.mark.parametrize(
    ("modality", "flag", "expected"),
    [
        ("CT", "YES", True),
        ("CT", "NO", False),
        ("CT", None, True),
        ("MR", "YES", True),
        ("MR", "NO", False),
        ("MR", None, True),
        ("US", "YES", True),
        ("US", "NO", False),
        ("US", None, False),
    ],
)
def test_what_is_held(
    site: Home, fill: Any, rows: Any, modality: str, flag: str | None, expected: bool
) -> None:
    fill({"image_occurrence": [rows.series(Modality=modality, **{FLAG: flag})]})
    assert held(site) == ({"2.25.1"} if expected else set())


@pytest.mark.parametrize("flags", sorted(set(permutations(["YES", "NO", None, "NO"], 3)), key=str))
@pytest.mark.parametrize("together", [True, False])
def test_one_face_in_a_series_is_enough_whatever_came_first(
    fill: Any, select: Any, rows: Any, flags: tuple[str | None, ...], together: bool
) -> None:
    batch = [rows.series(**{FLAG: flag}) for flag in flags]
    for part in [batch] if together else [[row] for row in batch]:
        fill({"image_occurrence": part})
    (found,) = select(f'SELECT "{FLAG}" AS flag, "NumberOfInstances" AS n FROM image_occurrence')
    assert found == {"flag": "YES" if "YES" in flags else "NO", "n": 3}


def test_the_flag_is_yes_or_no(fill: Any, rows: Any) -> None:
    with pytest.raises(SchemaError, match=f"{FLAG}: expected YES or NO"):
        fill({"image_occurrence": [rows.series(**{FLAG: "MAYBE"})]})


@pytest.fixture
def old_lake(site: Home, fill: Any, rows: Any, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A lake with a series that entered it before the flag was declared."""
    columns = tuple(column for column in IMAGE_OCCURRENCE.columns if column.name != FLAG)
    with monkeypatch.context() as before:
        before.setattr(evolution, "STEPS", ())
        before.setitem(TABLES, IMAGE_OCCURRENCE.name, replace(IMAGE_OCCURRENCE, columns=columns, tops=()))
        fill({"image_occurrence": [rows.series(KVP=120.0)]})
    (file,) = Lake(site).files(IMAGE_OCCURRENCE.name)
    assert FLAG not in pq.read_schema(file).names
    return site


def test_a_lake_made_before_the_flag_still_opens(old_lake: Home, select: Callable[..., Any]) -> None:
    assert select(f'SELECT "KVP", "{FLAG}" AS flag FROM image_occurrence') == [{"KVP": 120.0, "flag": None}]
    assert held(old_lake) == {"2.25.1"}


def test_a_lake_made_before_the_flag_takes_more(old_lake: Home, fill: Any, select: Any, rows: Any) -> None:
    fill({"image_occurrence": [rows.series(person=f"p{n}", series=n, **{FLAG: "NO"}) for n in (2, 3)]})
    fill({"image_occurrence": [rows.series(person="p2", series=2, **{FLAG: "YES"})]})
    flags = select(f'SELECT "{FLAG}" AS flag FROM image_occurrence ORDER BY "SeriesInstanceUID"')
    assert [row["flag"] for row in flags] == [None, "YES", "NO"]
    assert held(old_lake) == {"2.25.1", "2.25.2"}


def test_a_lake_made_before_the_flag_is_flagged_where_more_of_a_series_comes(
    old_lake: Home, fill: Any, rows: Any, select: Any
) -> None:
    fill({"image_occurrence": [rows.series(**{FLAG: "YES"})]})
    assert select(f'SELECT "{FLAG}" AS flag, "KVP" FROM image_occurrence') == [{"flag": "YES", "KVP": 120.0}]


def test_a_snapshot_holds_what_was_held_when_it_was_frozen(site: Home, fill: Any, rows: Any) -> None:
    fill({"image_occurrence": [rows.series(**{FLAG: "YES"})], "person": [rows.person(year_of_birth=1950)]})
    (site.cohorts / "heads.toml").write_text('[[series]]\nModality = "CT"\n')
    frozen = snapshot.freeze(site, "heads")
    with Lake(site).writing() as writer:
        writer.replace({"image_occurrence": [rows.series(**{FLAG: "NO"})]}, dropped=())
    assert held(site) == set()
    with snapshot.connect(site, frozen) as connection:
        assert faces.held(connection, seconds=60) == {"2.25.1"}
