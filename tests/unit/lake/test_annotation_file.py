"""What a model found is described in TOML, and what is wrong with a description is told by its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from federim.lake.annotation_file import load
from federim.model.errors import InputError

NODULE = '{scheme = "SCT", value = "27925004", meaning = "Nodule"}'
VOLUME = '{scheme = "SCT", value = "118565006", meaning = "Volume"}'
SEGMENT = f'[[segments]]\nlabel = "nodule"\ncategory = {NODULE}\ntype = {NODULE}\n'
FINDING = (
    f'[[findings]]\ntracking = "nodule 1"\n%s'
    f'[[findings.measurements]]\nconcept = {VOLUME}\nvalue = 3\nunit = "mm3"\n'
)
HEAD = 'algorithm = "net"\nversion = "1"\n'


@pytest.fixture
def described(tmp_path: Path) -> Path:
    return tmp_path / "d.toml"


def test_segments_and_findings(described: Path) -> None:
    described.write_text(HEAD + SEGMENT + FINDING % "segment = 1\n")
    annotation = load(described)
    assert annotation.segments[0].type.meaning == "Nodule"
    assert annotation.findings[0].measurements[0].value == 3.0
    assert annotation.findings[0].segment == 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("algorithm = ", "is not valid TOML"),
        (HEAD, "expected at least one of segments, findings"),
        (HEAD + FINDING % "", None),
        (HEAD + FINDING % "segment = 1\n", "findings 1: segment is none of the 0 there are"),
        (HEAD + SEGMENT + FINDING % "segment = 1\nimages = ['2.25.1']\n", "a segment or images, not both"),
        (HEAD + FINDING % "typo = 1\n", r"findings\.0\.typo"),
        (HEAD + (FINDING % "").replace("value = 3", "value = nan"), r"findings\.0\.measurements\.0\.value"),
        (SEGMENT, "algorithm"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(described: Path, text: str, place: str | None) -> None:
    described.write_text(text)
    if place is None:
        load(described)
        return
    with pytest.raises(InputError, match=place):
        load(described)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"annotation none\.toml"):
        load(tmp_path / "none.toml")
