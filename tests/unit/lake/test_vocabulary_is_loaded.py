"""Loading a vocabulary folder: whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from federim.home import Home
from federim.lake.concepts import Concepts, load
from federim.model.errors import InputError

COLUMNS = "concept_id,vocabulary_id,concept_code,standard_concept,invalid_reason\n"
LINKS = "concept_id_1,concept_id_2,relationship_id,invalid_reason\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two codes of LOINC: one standard, one that maps to it."""
    made = tmp_path / "vocabulary"
    made.mkdir()
    (made / "CONCEPT.csv").write_text(f"{COLUMNS}1,LOINC,a,S,\n2,LOINC,b,,\n")
    (made / "CONCEPT_RELATIONSHIP.csv").write_text(f"{LINKS}2,1,Maps to,\n")
    return made


def test_the_vocabulary_answers_after_loading(site: Home, folder: Path) -> None:
    assert load(site, folder) == {"LOINC": (2, 2)}
    concepts = Concepts.open(site)
    assert concepts is not None
    assert (concepts.standard("LOINC", "a"), concepts.standard("LOINC", "b")) == (1, 1)
    assert concepts.standard("LOINC", "c") == 0
    concepts.close()


def test_only_the_sites_account_reads_the_file(site: Home, folder: Path) -> None:
    load(site, folder)
    assert site.vocabulary.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (f"{COLUMNS}1,LOINC,a,S\n", "CONCEPT, line 2"),
        (f"{COLUMNS}1,LOINC,a,S,\nx,LOINC,a,S,\n", "CONCEPT, line 3"),
        (f'{COLUMNS}1,LOINC,"a"b,S,\n', "CONCEPT, after line"),
        ("concept_id,concept_code\n", "column vocabulary_id is missing"),
        ("", "column concept_id is missing"),
    ],
)
def test_a_damaged_file_leaves_the_vocabulary_that_was_there(
    site: Home, folder: Path, content: str, told: str
) -> None:
    load(site, folder)
    before = site.vocabulary.read_bytes()
    (folder / "CONCEPT.csv").write_text(content)
    with pytest.raises(InputError, match=told):
        load(site, folder)
    assert site.vocabulary.read_bytes() == before
    assert [path.name for path in site.root.glob("vocabulary*")] == [site.vocabulary.name]


@pytest.mark.parametrize("name", ["CONCEPT", "CONCEPT_RELATIONSHIP"])
def test_a_folder_without_its_tables_is_refused_by_name(site: Home, folder: Path, name: str) -> None:
    (folder / f"{name}.csv").unlink()
    with pytest.raises(InputError, match=f"no {name}.csv"):
        load(site, folder)
    assert Concepts.open(site) is None
