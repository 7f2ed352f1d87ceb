"""Keep table `volume_geometry` true to the instances that are in the lake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydicom import dcmread

from federim.home import Home
from federim.keys import canonical, keyed
from federim.lake import images
from federim.lake.reader import connect_home, query
from federim.lake.tables import Lake
from federim_pipelines.extract.frames import PLACE_COLUMNS, places
from federim_pipelines.extract.geometry import measure
from federim_pipelines.items import Record

# A series is seldom more than some thousand slices, each 13 numbers here; and a query opens every file.
SERIES_AT_A_TIME: Final = 500

_PLACED: Final = " AND ".join(f'"{column}" IS NOT NULL' for column in PLACE_COLUMNS)

# Series that have placed slices, and another number of slices than their geometry was made of, or none.
_STALE: Final = f"""
WITH counted AS (
    SELECT "SeriesInstanceUID", sum("NumberOfFrames") AS slices
    FROM instance
    GROUP BY "SeriesInstanceUID"
    HAVING bool_or({_PLACED})
)
SELECT "SeriesInstanceUID"
FROM counted FULL JOIN volume_geometry AS known USING ("SeriesInstanceUID")
WHERE counted.slices IS DISTINCT FROM known.slices
ORDER BY "SeriesInstanceUID"
"""

_INSTANCES: Final = f"""
SELECT i.person_id, i."SeriesInstanceUID", i."NumberOfFrames", f."path",
    {", ".join(f'i."{column}"::DOUBLE AS "{column}"' for column in PLACE_COLUMNS)}
FROM instance AS i JOIN instance_file AS f USING ("SOPInstanceUID")
WHERE i."SeriesInstanceUID" IN (SELECT unnest($series)) AND i."NumberOfFrames" IS NOT NULL
ORDER BY i."SeriesInstanceUID", i."SOPInstanceUID"
"""


def stale(home: Home) -> list[str]:
    """SeriesInstanceUIDs whose geometry is not, or no longer, that of their slices.

    They are told from the tables alone, so a run that was killed before it measured loses nothing, and a
    series whose instances were withdrawn is among them.
    """
    with connect_home(home) as connection:
        found = query(connection, _STALE, seconds=home.settings.query_seconds)
    return list(found["SeriesInstanceUID"].to_pylist())


def records_for(home: Home, series: Iterable[str]) -> Iterator[Record]:
    """A record of the geometry of each of these series, which takes the place of its earlier one.

    Without instances that lie anywhere, a series' record has no rows, and so withdraws what there was.

    Raises
    ------
    LakeError
        The object of a multi-frame instance is missing.
    """
    named = sorted(set(series))
    # A series may shrink as well as grow, so its size would not tell which of two geometries is the later.
    version = Lake(home).version("instance")
    key = home.secret("record")
    with connect_home(home) as connection:
        for start in range(0, len(named), SERIES_AT_A_TIME):
            some = named[start : start + SERIES_AT_A_TIME]
            found = {stack.series: stack for stack in _stacks(home, connection, some)}
            for uid in some:
                yield _record(key, uid, found.get(uid), version)


def geometry_key(record_key: bytes, series: str) -> bytes:
    """What names the record of a series' geometry, 16 bytes, by its keyed SeriesInstanceUID."""
    return keyed(record_key, "volume", series)[:16]


@dataclass(frozen=True, slots=True)
class _Slices:
    """The slices of one series; `places` as `frames.places` gives them."""

    series: str
    person_id: str
    places: NDArray[np.float64]


def _stacks(home: Home, connection: duckdb.DuckDBPyConnection, series: Sequence[str]) -> Iterator[_Slices]:
    found = query(
        connection, _INSTANCES, seconds=home.settings.query_seconds, parameters={"series": list(series)}
    )
    uids = found["SeriesInstanceUID"].to_pylist()
    persons, paths = found["person_id"], found["path"]
    frames = found["NumberOfFrames"].to_numpy()
    first = _matrix(found)
    starts = [place for place, uid in enumerate(uids) if place == 0 or uid != uids[place - 1]]
    for start, end in zip(starts, [*starts, len(uids)][1:], strict=True):
        parts = [first[start:end][frames[start:end] == 1]]
        parts += [
            _frames(home, paths[place].as_py(), int(frames[place]))
            for place in range(start, end)
            if frames[place] > 1
        ]
        yield _Slices(uids[start], persons[start].as_py(), np.concatenate(parts))


def _matrix(found: pa.Table) -> NDArray[np.float64]:
    columns = [found[column].to_numpy() for column in PLACE_COLUMNS]
    return np.column_stack(columns).astype(np.float64)


def _frames(home: Home, path: str, count: int) -> NDArray[np.float64]:
    """The frames of a stored object: table `instance` has room for the first one's place alone."""
    frames = np.full((count, len(PLACE_COLUMNS)), np.nan)
    told = places(dcmread(images.read(home, path), stop_before_pixels=True))[:count]
    frames[: len(told)] = told
    return frames


def _record(key: bytes, series: str, slices: _Slices | None, version: int) -> Record:
    geometry = None if slices is None else measure(slices.places)
    row = {}
    if slices is not None and geometry is not None:
        row = {"person_id": slices.person_id, "SeriesInstanceUID": series} | geometry.columns()
    return Record(
        key=geometry_key(key, series),
        content=keyed(key, "content", canonical(row))[:16],
        rows=(("volume_geometry", row),) if row else (),
        version=version,
    )
