"""Say which series may show a face, and so are held from training and from leaving the site."""

from __future__ import annotations

from typing import Final

import duckdb

from federim.lake.reader import query

_HELD: Final = """
SELECT "SeriesInstanceUID"
FROM image_occurrence
WHERE "RecognizableVisualFeatures" = 'YES'
    OR ("RecognizableVisualFeatures" IS NULL AND "Modality" IN ('CT', 'MR'))
"""


def held(connection: duckdb.DuckDBPyConnection, *, seconds: int) -> frozenset[str]:
    """SeriesInstanceUIDs of `image_occurrence`, as the connection shows it, whose pixels may show a face.

    Those flagged YES, and the CT and MR that nobody looked at: they entered the lake before it had the flag.
    A snapshot's connection shows what was true when it was frozen: a series that the site defaced later is
    held until the cohort is frozen again.

    Parameters
    ----------
    seconds : int
        Longest the query may take.

    References
    ----------
    DICOM PS3.15, E.3.2 (Clean Recognizable Visual Features Option).
    """
    return frozenset(query(connection, _HELD, seconds=seconds)["SeriesInstanceUID"].to_pylist())
