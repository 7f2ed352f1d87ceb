"""What a lake holds is counted right, nobody is told alone, and the picture says the same."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from federim.home import Home
from federim.lake.maintenance.picture import draw, size_in_words
from federim.lake.maintenance.statistics import OTHER, statistics
from federim.lake.tables import Lake

MODALITIES = {"CT": 14, "MR": 12, "US": 3, "NM": 2}  # persons each


@pytest.fixture
def hospital(site: Home, fill: Any, rows: Any) -> Home:
    people = [f"p{number}" for number in range(40)]
    series: list[dict[str, Any]] = []
    for modality, persons in MODALITIES.items():
        for person in people[:persons]:
            number = len(series) + 1
            series.append(
                rows.series(person, number, Modality=modality, StudyInstanceUID=f"2.25.{number}", SizeBytes=7)
            )
    fill(
        {
            "person": [rows.person(person) for person in people],
            "study": [
                rows.study(person, number, StudyDate=date(2020 + number % 2, 5, 1))
                for number, person in enumerate(people, start=1)
            ],
            "image_occurrence": series,
        }
    )
    return site


def test_words_of_few_persons_are_told_together(hospital: Home) -> None:
    told = statistics(hospital)
    cells = {cell.label: cell.count for cell in told.series_by_modality}
    # US and NM are of three persons together, so the next smallest goes with them.
    assert cells == {"CT": 14, OTHER: 12 + 3 + 2}
    assert {cell.label: cell.count for cell in told.studies_by_year} == {"2020": 20, "2021": 20}
    assert (told.persons, told.persons_by_site[0].count) == (40, 40)
    assert told.tables["person"].rows == 40


def test_a_small_hospital_tells_no_word_at_all(site: Home, fill: Any, rows: Any) -> None:
    fill({"person": [rows.person(f"p{n}") for n in range(10)], "image_occurrence": [rows.series("p1")]})
    told = statistics(site)
    assert (told.persons, told.series_by_modality, told.persons_by_site) == (None, (), ())
    assert "fewer than 11" in draw(told)


def test_an_empty_lake_has_statistics_and_a_picture(site: Home) -> None:
    told = statistics(site)
    assert (told.tables, told.objects, told.bytes_an_instance) == ({}, 0, None)
    etree.fromstring(draw(told).encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(persons=st.lists(st.lists(st.sampled_from("ABCDE"), max_size=3), min_size=1, max_size=45))
def test_no_word_is_told_of_fewer_persons_than_the_home_says(
    tmp_path_factory: pytest.TempPathFactory,
    rows: Any,
    persons: list[list[str]],
) -> None:
    home = Home.create(tmp_path_factory.mktemp("home") / "alpha", role="site", name="alpha")
    series = [
        rows.series(f"p{number}", 100 * number + place + 1, Modality=word)
        for number, words in enumerate(persons)
        for place, word in enumerate(words)
    ]
    with Lake(home).writing() as writer:
        writer.commit(
            {"person": [rows.person(f"p{n}") for n in range(len(persons))], "image_occurrence": series}, {}
        )
    told = {cell.label: cell.count for cell in statistics(home).series_by_modality}
    counts = Counter(word for words in persons for word in words)
    alone = told.keys() - {OTHER}
    for word in alone:
        assert sum(word in words for words in persons) >= 11
        assert told[word] == counts[word]
    if OTHER in told:
        others = counts.keys() - alone
        assert sum(bool(others & set(words)) for words in persons) >= 11
    if told:
        assert sum(told.values()) == len(series)


def test_the_picture_says_the_same_numbers_and_is_the_same_each_time(hospital: Home) -> None:
    told = statistics(hospital)
    drawn = draw(told)
    words = [element.text for element in etree.fromstring(drawn.encode()).iter("{*}text")]
    assert {"CT", "14", "other", "17", "2020", "alpha", "40"} <= set(words)
    assert draw(statistics(hospital)) == drawn


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (2_710_000_000_000, "2.7 TB")]
)
def test_sizes_are_said_in_words(size: int, words: str) -> None:
    assert size_in_words(size) == words


def test_a_word_from_a_header_cannot_write_into_the_picture(site: Home, fill: Any, rows: Any) -> None:
    people = [f"p{number}" for number in range(12)]
    fill(
        {
            "person": [rows.person(person) for person in people],
            "image_occurrence": [
                rows.series(person, number, Modality="<script>")
                for number, person in enumerate(people, start=1)
            ],
        }
    )
    assert "<script>" not in draw(statistics(site))


def test_a_file_is_drawn_beside_the_numbers(hospital: Home, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from federim.cli.main import app

    for name, begins in (("lake.svg", b"<svg"), ("lake.png", b"\x89PNG")):
        if name.endswith("png"):
            pytest.importorskip("vl_convert", reason="the extra federim[notebooks] is not installed")
        done = CliRunner().invoke(
            app, ["--home", str(hospital.root), "lake", "stats", "--picture", str(tmp_path / name)]
        )
        assert done.exit_code == 0, done.output
        assert (tmp_path / name).read_bytes().startswith(begins)
