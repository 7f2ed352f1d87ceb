"""What de-identification let into the lake is counted with its rows, and a person's word on it holds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.data import get_testdata_file

from federim.audit import trail
from federim.home import Home, Role
from federim.model.errors import HomeError, InputError, StorageFull
from federim_pipelines.review import Review, State
from federim_pipelines.run import ingest

SERIES_DESCRIPTION = 0x0008103E
KEPT = "axial t2"


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Three instances of a series with a description that research may read."""
    folder = tmp_path / "scans"
    folder.mkdir()
    scan = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    scan.SeriesDescription = KEPT
    for number in range(3):
        scan.SOPInstanceUID = scan.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        scan.save_as(folder / str(number))
    return folder


def described(home: Home) -> dict[str, int]:
    with Review(home) as review:
        return {text.text: text.count for text in review.texts() if text.tag == SERIES_DESCRIPTION}


def test_each_text_is_counted_once_an_instance_however_often_it_is_read(site: Home, scans: Path) -> None:
    ingest(site, [scans], policy="research")
    assert described(site) == {KEPT: 3}
    ingest(site, [scans], policy="research")
    assert described(site) == {KEPT: 3}
    other = pydicom.dcmread(scans / "0")
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = "1.2.3.9"
    other.save_as(scans / "9")
    ingest(site, [scans], policy="research")
    assert described(site) == {KEPT: 4}


def test_a_rejected_text_enters_no_more(site: Home, scans: Path, tmp_path: Path) -> None:
    ingest(site, [scans], policy="research")
    with Review(site) as review:
        (which,) = (text.id for text in review.texts() if text.text == KEPT)
        review.decide(approve=(), reject=[which], actor="ada")
    other = pydicom.dcmread(scans / "0")
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = "1.2.3.9"
    (tmp_path / "later").mkdir()
    other.save_as(tmp_path / "later" / "9")
    assert ingest(site, [tmp_path / "later"], policy="research").accepted == 1
    assert described(site) == {KEPT: 3}


@pytest.mark.parametrize(("step", "enter_later"), [("stage", 3), ("drop", 0)])
def test_counts_are_lost_with_their_rows_and_only_with_them(
    site: Home, scans: Path, monkeypatch: pytest.MonkeyPatch, step: str, enter_later: int
) -> None:
    def refuse(*arguments: object) -> None:
        raise StorageFull("no room")

    with monkeypatch.context() as full:
        full.setattr(f"federim.lake.tables.{step}", refuse)
        with pytest.raises(StorageFull):
            ingest(site, [scans], policy="research")
    assert ingest(site, [scans], policy="research").accepted == enter_later
    assert described(site) == {KEPT: 3}


def test_a_batch_counted_twice_is_one_batch(site: Home) -> None:
    with Review(site) as review:
        review.add(1, Counter({(1, "lost"): 2, (1, "both"): 1}))
        review.add(1, Counter({(1, "both"): 5}))  # the first never got into the lake
        review.add(2, Counter({(2, "both"): 7}))
        review.add(3, Counter())
        counts = {(text.tag, text.text): text.count for text in review.texts()}
    assert counts == {(1, "both"): 5, (2, "both"): 7}


def test_a_decision_is_dated_signed_and_changed_by_the_next(site: Home) -> None:
    with Review(site) as review:
        review.add(1, Counter({(1, "a"): 1, (1, "b"): 9, (1, "c"): 5}))
        assert [text.text for text in review.texts()] == ["b", "c", "a"]
        by_text = {text.text: text.id for text in review.texts()}
        review.decide(approve=[by_text["b"], by_text["a"]], reject=[by_text["c"]], actor="ada")
        assert review.rejected == {"c"}
        review.decide(approve=[by_text["c"]], reject=[by_text["b"]], actor="grace")
        assert {text.text: text.state for text in review.texts()} == {
            "a": State.APPROVED,
            "b": State.REJECTED,
            "c": State.APPROVED,
        }
    first, second = reversed(trail.events(site, act="deidentify.review"))
    assert (first.actor, first.detail) == ("ada", {"approved": 2, "rejected": 1})
    assert (second.actor, second.detail) == ("grace", {"approved": 1, "rejected": 1})


@pytest.mark.parametrize(("approve", "reject"), [([1, 99], []), ([], [99]), ([1], [1])])
def test_a_decision_that_cannot_be_meant_changes_nothing(site: Home, approve: Any, reject: Any) -> None:
    with Review(site) as review:
        review.add(1, Counter({(1, "a"): 1}))
        with pytest.raises(InputError, match="federim deidentify review"):
            review.decide(approve=approve, reject=reject, actor="ada")
        assert [text.state for text in review.texts()] == [State.NEW]
    assert trail.events(site, act="deidentify.review") == []


def test_a_decision_that_cannot_be_recorded_is_not_kept(site: Home) -> None:
    with Review(site) as review:
        review.add(1, Counter({(1, "a"): 1}))
        with pytest.raises(Exception, match="actor"):
            review.decide(approve=[1], reject=(), actor="two words")
        assert [text.state for text in review.texts()] == [State.NEW]


def test_the_texts_are_the_sites_alone(site: Home, make_home: Any) -> None:
    Review(site).__exit__()
    assert site.retained.stat().st_mode & 0o077 == 0
    with pytest.raises(HomeError):
        Review(make_home("desk", role=Role.WORKSPACE))
