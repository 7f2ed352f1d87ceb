"""Which files a run finds, who reads each, and what it calls them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from federim.home import Home
from federim.model.errors import InputError
from federim_pipelines.items import Item
from federim_pipelines.sources.inputs import Inputs
from federim_pipelines.sources.mapping import load_mapping


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with one file of each kind."""
    tree = tmp_path / "in" / "data"
    tree.mkdir(parents=True)
    (tree / "image").write_bytes(bytes(128) + b"DICM" + bytes(200))
    (tree / "bundle.json").write_text('{"resourceType": "Bundle"}')
    (tree / "lines.ndjson").write_text("Martin\n")
    (tree / "covered.txt").write_text("a;b\n")
    (tree / "other.csv").write_text("a,b\n")
    (tree / "notes.md").write_text("hello")
    (tree / "empty.json").write_bytes(b"")
    with zipfile.ZipFile(tree / "more.zip", "w") as archive:
        archive.writestr("deep/bundle.json", '{"resourceType": "Bundle"}')
        archive.writestr("deep/other.csv", "a,b\n")
    return tree


def test_each_file_goes_to_the_source_that_reads_its_kind(site: Home, tree: Path, tmp_path: Path) -> None:
    path = tmp_path / "columns.toml"
    path.write_text("[[file]]\npattern = 'covered*'\nperson = { key = 'a' }")
    inputs = Inputs(site, [tree], load_mapping(path))
    assert {inputs.name(item): item.source for item in inputs.items()} == {
        "data/image": "folder",
        "data/bundle.json": "fhir",
        "data/lines.ndjson": "fhir",
        "data/covered.txt": "csv",
        "data/other.csv": "csv",
        "data/notes.md": "folder",
        "data/empty.json": "folder",
        "data/more.zip!/deep/bundle.json": "fhir",
        "data/more.zip!/deep/other.csv": "csv",
    }


def test_a_files_name_does_not_depend_on_where_the_data_lie(site: Home, tree: Path, tmp_path: Path) -> None:
    name = Inputs(site, [tree]).name(Item("folder", tree / "deep" / "x"))
    moved = tmp_path / "elsewhere" / "data"
    moved.parent.mkdir()
    tree.rename(moved)
    assert Inputs(site, [moved]).name(Item("folder", moved / "deep" / "x")) == name == "data/deep/x"
    single = moved / "image"
    assert Inputs(site, [single]).name(Item("folder", single)) == "image"


def test_a_path_in_another_is_read_once(site: Home, tree: Path) -> None:
    once = [item.place for item in Inputs(site, [tree]).items()]
    twice = [tree / "bundle.json", tree, tree, tree / ".." / "data"]
    assert [item.place for item in Inputs(site, twice).items()] == once


def test_a_missing_path_is_said_before_anything_is_read(site: Home, tree: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        Inputs(site, [tree, tree / "nowhere"])


def test_a_home_is_not_read_into_itself(site: Home) -> None:
    for path in (site.root, site.objects, site.root.parent):
        with pytest.raises(InputError, match="lie in each other"):
            Inputs(site, [path])
