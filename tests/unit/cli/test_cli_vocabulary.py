"""`federim vocabulary`, as a data manager sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from federim.audit import trail
from federim.cli.context import Invocation
from federim.cli.vocabulary import vocabulary
from federim.home import Home
from federim.model.errors import UserError


def run(home: Home, *words: str) -> dict[str, object]:
    result = CliRunner().invoke(vocabulary, [*words, "--json"], obj=Invocation(home.root))
    if result.exception:
        raise result.exception
    told: dict[str, object] = json.loads(result.output)
    return told


def test_a_loaded_vocabulary_is_shown_and_recorded(site: Home, tmp_path: Path) -> None:
    (tmp_path / "CONCEPT.csv").write_text(
        "concept_id\tvocabulary_id\tconcept_code\tstandard_concept\tinvalid_reason\n"
        "1\tLOINC\t2160-0\tS\t\n2\tCCAM\tZBQK001\t\t\n"
    )
    (tmp_path / "CONCEPT_RELATIONSHIP.csv").write_text(
        "concept_id_1\tconcept_id_2\trelationship_id\tinvalid_reason\n"
    )
    told = run(site, "load", str(tmp_path))
    assert told == {
        "vocabularies": {"CCAM": {"codes": 1, "standard": 0}, "LOINC": {"codes": 1, "standard": 1}}
    }
    assert run(site, "show") == told
    [event] = trail.events(site, act="vocabulary.load")
    assert event.detail == {"vocabularies": 2, "codes": 2}


def test_a_site_without_one_is_told_how_to_get_it(site: Home) -> None:
    with pytest.raises(UserError, match="federim vocabulary load"):
        run(site, "show")
