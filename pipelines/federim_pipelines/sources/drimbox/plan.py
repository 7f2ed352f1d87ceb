"""Say what pulling a manifest would ask for, and of whom, without a patient's value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from federim_pipelines.sources.drimbox.allow_list import AllowList
from federim_pipelines.sources.drimbox.manifest import Manifest, SeriesReference

HIDDEN: Final = "***"
# A shorter value, an initial or a sex, is part of any address by chance.
_SHORTEST_PART: Final = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """A manifest as people may see it. `sources` is None where no allow-list was at hand."""

    manifest: Manifest
    sources: AllowList | None

    def as_json(self) -> dict[str, Any]:
        """Studies, series and URLs; a query is left out, and a part that holds a patient's value hidden."""
        return {
            "dialect": self.manifest.dialect.value,
            "title": self.manifest.title,
            "rejects": self.manifest.rejects,
            "instances": len(self.manifest.instances),
            "studies": [
                {
                    "StudyInstanceUID": study.StudyInstanceUID,
                    "series": [self._series(study.StudyInstanceUID, one) for one in study.series],
                }
                for study in self.manifest.studies
            ],
        }

    def _series(self, study: str, series: SeriesReference) -> dict[str, Any]:
        located = self.sources.locate(study, series) if self.sources else None
        url = located[1] if located else series.RetrieveURL
        return {
            "SeriesInstanceUID": series.SeriesInstanceUID,
            "Modality": series.Modality,
            "instances": len(series.instances),
            "url": shown(url, self.manifest.patient_values) if url else None,
            "RetrieveLocationUID": series.RetrieveLocationUID,
            "source": located[0].name if located else None,
        }


def shown(url: str, values: frozenset[str]) -> str:
    """A URL without credentials, query and fragment, each part of its path hidden that holds a value."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return HIDDEN
    segments = (HIDDEN if _tells(unquote(segment), values) else segment for segment in parts.path.split("/"))
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{'/'.join(segments)}"


def _tells(segment: str, values: frozenset[str]) -> bool:
    low = segment.lower()
    return any(
        low == value.lower() or (len(value) >= _SHORTEST_PART and value.lower() in low) for value in values
    )
