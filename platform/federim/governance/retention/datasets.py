"""The collections made for research at a site, and until when each is kept."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

from federim.database import alias
from federim.governance.models import Release, RelevanceReview
from federim.governance.retention.calendar import later
from federim.governance.rights.releases import withdrawn
from federim.home import Home
from federim.lake import snapshot, tombstone
from federim.lake.reader import connect_home, query

LAKE: Final = "lake"


class Sort(StrEnum):
    """What a dataset is."""

    SNAPSHOT = "snapshot"
    RELEASE = "release"
    LAKE = "lake"  # the site's live tables: never purged as a whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A dataset, by the snapshot's id or the release's name.

    Attributes
    ----------
    review_by : date
        The last day it is kept without another review.
    at_most : date, optional
        The last day it may ever be kept; None for the lake, whose facts have each their own.
    """

    name: str
    sort: Sort
    made: date
    review_by: date
    at_most: date | None

    def overdue(self, today: date) -> bool:
        """Whether its review is due and was not held."""
        return today > self.review_by


def datasets(home: Home) -> list[Dataset]:
    """Every dataset of the site: the lake, snapshots, releases; the oldest first.

    Raises
    ------
    VerificationFailed
        A snapshot was changed since it was written.
    """
    made = [(Sort.SNAPSHOT, each.id, _day(each.created_at)) for each in snapshot.every(home)]
    made += [
        (Sort.RELEASE, each.name, each.built_at.date())
        for each in Release.objects.using(alias(home)).filter(site=home.name)
        if not withdrawn(each)
    ]
    begun = _first_run(home)
    if begun is not None:
        made.append((Sort.LAKE, LAKE, begun))
    reviewed = _reviewed(home)
    return sorted(
        (_dataset(home, sort, name, day, reviewed.get(name)) for sort, name, day in made),
        key=lambda each: (each.made, each.sort, each.name),
    )


def _dataset(home: Home, sort: Sort, name: str, made: date, kept_until: date | None) -> Dataset:
    settings = home.settings
    at_most = None if sort is Sort.LAKE else later(made, 12 * settings.retention_years)
    review_by = kept_until or later(made, settings.review_months)
    return Dataset(
        name=name,
        sort=sort,
        made=made,
        # The settings may be stricter now than when it was reviewed.
        review_by=review_by if at_most is None else min(review_by, at_most),
        at_most=at_most,
    )


def _reviewed(home: Home) -> dict[str, date]:
    """Until when each dataset is kept that was reviewed, the snapshot that stands for a revised one too."""
    tombstones = tombstone.every(home)
    return {
        tombstone.heir(tombstones, each.dataset): each.keep_until
        for each in RelevanceReview.objects.using(alias(home))
    }


def _first_run(home: Home) -> date | None:
    with closing(connect_home(home)) as connection:
        found = query(
            connection, "SELECT min(started_at) AS first FROM run", seconds=home.settings.query_seconds
        )
    first: datetime | None = found["first"][0].as_py()
    return None if first is None else first.date()


def _day(moment: str) -> date:
    return datetime.fromisoformat(moment).astimezone(UTC).date()
