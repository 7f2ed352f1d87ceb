"""Column mappings as data managers write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from federim.model.errors import InputError
from federim_pipelines.sources import mapping
from federim_pipelines.sources.mapping import Mapping, load_mapping

LEAST = '[[file]]\npattern = "a.csv"\n[file.person]\nkey = "id"\n'


def load(tmp_path: Path, text: str) -> Mapping:
    path = tmp_path / "columns.toml"
    path.write_text(text)
    return load_mapping(path)


def test_the_documented_example_is_a_mapping(tmp_path: Path) -> None:
    """What the module's docstring shows is what a data manager copies."""
    shown = (mapping.__doc__ or "").split("::\n", 1)[1].split("\nA file that tells", 1)[0]
    text = "\n".join(line[4:] for line in shown.splitlines() if not line.strip().startswith("# or"))
    [file] = load(tmp_path, text).file
    assert file.person.is_register
    assert file.columns == {
        "IPP",
        "SEX",
        "BORN",
        "SAMPLED",
        "creatinine",
        "RESULT",
        "LOINC",
        "UNIT",
        "LOW",
        "HIGH",
        "ATC",
        "DOSE",
        "discharge",
        "diabetes",
        "CCAM",
        "result_number",
    }


def test_a_file_is_a_register_if_it_tells_sex_or_birth_or_says_so(tmp_path: Path) -> None:
    [plain] = load(tmp_path, LEAST).file
    [told] = load(tmp_path, f"{LEAST}registers = true").file
    [sexed] = load(tmp_path, f'{LEAST}sex = {{ column = "s", male = ["M"], female = ["F"] }}').file
    assert [file.person.is_register for file in (plain, told, sexed)] == [False, True, True]


def test_the_first_pattern_that_matches_a_name_covers_it(tmp_path: Path) -> None:
    both = load(tmp_path, LEAST + LEAST.replace("a.csv", "*.csv"))
    assert both.covering("a.csv") is both.file[0]
    assert both.covering("b.csv") is both.file[1]
    assert both.covering("b.txt") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("pattern = ", "not valid TOML"),
        ("", "file: Field required"),
        ("[[file]]\npattern = 'a'", "file.0.person: Field required"),
        (f"{LEAST}kye = 'x'", "file.0.person.kye: Extra inputs"),
        (f"{LEAST}[[file.measurement]]\ncolumn = 'x'", "either code or code_column"),
        (
            f"{LEAST}[[file.measurement]]\ncolumn = 'x'\ncode = 'c'\ncode_column = 'd'",
            "either code or code_column",
        ),
        (f"{LEAST}[[file.observation]]\ncolumn = 'x'\ncode = 'c'", "either values or number"),
        (f"{LEAST}[[file.condition]]\ncode = 'c'", "column and present"),
        (f"{LEAST}[file.date]\nformat = '%d'", "give column, or day"),
        (f"{LEAST}[file.date]\ncolumn = 'd'\noffset = 'min'", "give column, or day"),
        (f"{LEAST}birth = {{ column = 'age', written = 'age' }}", "year or year_column"),
        (LEAST.replace("pattern", "encoding = 'utf-16'\npattern"), "extends ASCII"),
        (LEAST.replace("pattern", "encoding = 'utf-99'\npattern"), "extends ASCII"),
    ],
)
def test_a_faulty_mapping_is_refused_with_the_place_of_its_fault(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(InputError, match=r"columns\.toml") as caught:
        load(tmp_path, text)
    assert says in str(caught.value)


def test_a_missing_mapping_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_mapping(tmp_path / "none.toml")
