"""Tell which of two versions of a FHIR resource came later."""

from __future__ import annotations

import datetime as dt
import re

from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.fhir.content import Resource

UNTOLD = 0  # of a resource that says nothing of it: any version that does comes later

_NUMBER = re.compile("[0-9]{1,9}")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def version_of(resource: Resource) -> int:
    """When a resource was last updated, in microseconds since 1970; else the number of its version.

    The instant comes first because the numbers of a server that was rebuilt begin again.

    Raises
    ------
    Unusable
        The instant is none.

    References
    ----------
    HL7 FHIR R4, 2.26.3.2, Resource.meta.
    """
    meta = resource.get("meta") or {}
    told = meta.get("lastUpdated")
    if told is None:
        return version_number(resource) or UNTOLD
    try:
        instant = dt.datetime.fromisoformat(told)
    except (TypeError, ValueError):
        raise Unusable(Reason.DATE_UNUSABLE, "meta.lastUpdated") from None
    return ((instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)) - _EPOCH) // _MICROSECOND


def version_number(resource: Resource) -> int | None:
    """The versionId of a resource, where it is a number (many servers count, others draw lots)."""
    told = (resource.get("meta") or {}).get("versionId")
    return int(told) if isinstance(told, str) and _NUMBER.fullmatch(told) else None
