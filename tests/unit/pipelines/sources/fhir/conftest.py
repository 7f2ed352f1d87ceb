"""What one resource becomes, for a person whose dates move 10 days back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from federim.model.identifiers import Subject
from federim_pipelines.extract.facts import Facts
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Row
from federim_pipelines.sources.fhir.kinds import KINDS
from federim_pipelines.sources.fhir.links import Links
from federim_pipelines.sources.fhir.named_codes import NamedCodes
from federim_pipelines.worker import Worker

KEY = "0123456789abcdef" * 2

MakeRows = Callable[..., list[tuple[str, Row] | Unusable]]


@pytest.fixture
def key() -> str:
    """The key of the record whose rows are made."""
    return KEY


@pytest.fixture
def make_rows(worker: Worker, someone: Subject) -> MakeRows:
    """Every row of a resource told alone, none if it is void, and every part of it that is refused."""

    def build(resource: dict[str, Any], **told_in: str) -> list[tuple[str, Row] | Unusable]:
        kind = KINDS[resource["resourceType"]]
        if kind.is_void(resource):
            return []
        facts = Facts(subject=someone, codebook=worker.codebook, **told_in)
        with NamedCodes(worker.home, "") as codes:
            return list(kind.rows(resource, facts, KEY, Links(worker, codes)))

    return build
