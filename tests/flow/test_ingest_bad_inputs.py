"""Bad input gives one clear line or a quarantine row, never a crash, and leaves the lake readable."""

from __future__ import annotations

import errno
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from federim.home import Home
from federim.lake import staging, storage
from federim.model.errors import InputError, StorageFull
from federim_pipelines import intake
from federim_pipelines.items import Reason
from federim_pipelines.run import ingest
from federim_pipelines.sources import folder

Content = dict[str, list[str]]
MAPPING = """
[[file]]
pattern = "*.csv"
person = { key = "id", registers = true }
[[file.measurement]]
column = "sodium"
code = "2951-2"
"""


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("cut.dcm", lambda image, bundle: image.read_bytes()[:-4000], Reason.TRUNCATED),
        ("none.dcm", lambda image, bundle: b"", Reason.EMPTY),
        ("text.dcm", lambda image, bundle: b"this is no image", Reason.NOT_SUPPORTED),
        (
            "half.json",
            lambda image, bundle: bundle.read_bytes()[: bundle.stat().st_size // 2],
            Reason.TRUNCATED,
        ),
        ("columns.csv", lambda image, bundle: b"id,Sodium\n1,139\n", Reason.UNREADABLE),
    ],
)
def test_a_bad_file_is_quarantined_and_the_good_ones_enter(
    site: Home,
    inbox: Path,
    write_image: Callable[..., Path],
    write_bundle: Callable[..., Path],
    content: Callable[[Home], Content],
    tmp_path: Path,
    name: str,
    make: Callable[[Path, Path], bytes],
    reason: Reason,
) -> None:
    (tmp_path / "columns.toml").write_text(MAPPING)
    image, bundle = write_image("image"), write_bundle("bundle.json")
    (inbox / name).write_bytes(make(image, bundle))
    report = ingest(site, [inbox], mapping=tmp_path / "columns.toml")
    assert (report.read, report.accepted, report.quarantined) == (3, 2, 1)
    assert report.reasons == {reason: 1}
    [row] = [json.loads(row) for row in content(site)["quarantine"]]
    assert (row["reason"], row["position"]) == (reason.value, None)
    assert name not in json.dumps(row)


def damaged_archive(path: Path, member: str, content: bytes) -> None:
    """An archive whose member begins as it should, and whose last bytes are others."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(member, content)
    path.write_bytes(path.read_bytes().replace(content[-20:], b"-" * 20, 1))


def test_a_file_that_breaks_when_it_is_looked_into_does_not_end_the_run(
    site: Home, inbox: Path, write_bundle: Callable[..., Path]
) -> None:
    """Before anything is read, files are asked what they are and whom they are about."""
    write_bundle("good.json")
    header = b"person_id,gender_concept_id,%s\n" % b",".join(b"column_%d" % place for place in range(900))
    damaged_archive(inbox / "omop.zip", "person.csv", header)
    (inbox / "list.json").write_text('{"resourceType": "Bundle", "entry": 5}')
    (inbox / "digits.json").write_text(f'{{"resourceType": "Bundle", "entry": [{"9" * 6000}]}}')
    (inbox / "nothing.json").write_text('{"resourceType": "Bundle", "entry": null}')
    report = ingest(site, [inbox])
    assert (report.accepted, report.quarantined, report.ignored) == (1, 3, 1)
    assert report.reasons.keys() == {Reason.NOT_SUPPORTED, Reason.UNREADABLE, Reason.FAILED}


def test_messages_before_one_that_never_ends_are_read(
    site: Home, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("messages", "reading"):
        monkeypatch.setattr(f"federim_pipelines.sources.hl7v2.{module}.LONGEST_MESSAGE", 3 << 20)
    monkeypatch.setattr("federim_pipelines.sources.hl7v2.reading.SPAN_BYTES", 100)
    told = [f"MSH|^~\\&|A|B|C|D|2024||ADT^A31|1|P|2.5\rPID|1||P{number}^^^^PI\r" for number in range(5)]
    (inbox / "messages.hl7").write_text("".join(told) + "MSH|^~\\&|" + "A" * (5 << 20) + "\r" + told[0])
    report = ingest(site, [inbox])
    assert (report.accepted, report.rows["person"], report.reasons) == (1, 5, {Reason.UNREADABLE: 1})


def test_a_missing_column_is_named_with_the_nearest(site: Home, inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "columns.toml").write_text(MAPPING)
    (inbox / "a.csv").write_text("id,Sodium\n1,139\n")
    report = ingest(site, [inbox], mapping=tmp_path / "columns.toml")
    assert report.details == {(Reason.UNREADABLE, "column sodium is missing; the nearest is Sodium"): 1}


@pytest.mark.skipif(os.getuid() == 0, reason="root opens everything")
def test_a_file_that_may_not_be_opened_is_quarantined(
    site: Home, inbox: Path, write_bundle: Callable[..., Path]
) -> None:
    write_bundle("a.json").chmod(0)
    assert ingest(site, [inbox]).reasons == {Reason.UNREADABLE: 1}


@pytest.mark.parametrize("name", ["image", "bundle.json", "lines.ndjson"])
def test_a_file_that_vanishes_on_the_way_is_quarantined(
    site: Home,
    inbox: Path,
    write_image: Callable[..., Path],
    write_bundle: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    write_image("image")
    write_bundle("bundle.json")
    (inbox / "lines.ndjson").write_text('{"resourceType": "Patient", "id": "x"}\n')
    look = folder.kind_of

    def look_then_remove(path: Path, member: str = "") -> folder.Kind:
        kind = look(path, member)
        if path.name == name:
            path.unlink()
        return kind

    monkeypatch.setattr(folder, "kind_of", look_then_remove)
    monkeypatch.setattr("federim_pipelines.sources.inputs.Inputs.identities", lambda self: iter(()))
    report = ingest(site, [inbox])
    assert (report.read, report.quarantined) == (3, 1)
    assert report.reasons == {Reason.UNREADABLE: 1}


def test_a_missing_path_ends_the_run_before_it_begins(
    site: Home, inbox: Path, write_bundle: Callable[..., Path], content: Callable[[Home], Content]
) -> None:
    write_bundle("a.json")
    with pytest.raises(InputError, match="no such file or folder"):
        ingest(site, [inbox, inbox / "typo"])
    assert not any(content(site).values())


@pytest.mark.parametrize("at", [4, 9, 14])
def test_a_full_disk_ends_the_run_and_the_next_one_completes_it(
    site: Home,
    twin: Callable[[Home, str], Home],
    inbox: Path,
    write_image: Callable[..., Path],
    write_bundle: Callable[..., Path],
    content: Callable[[Home], Content],
    monkeypatch: pytest.MonkeyPatch,
    at: int,
) -> None:
    """The disk refuses the nth file that must be safe on it, be it an object or a part of a batch."""
    for number in range(4):
        write_image(f"{number}.dcm", number=number)
    for number in range(4):
        write_bundle(f"{number}.json", patient=f"p{number}", results=20)
    monkeypatch.setattr(intake, "ROWS_A_COMMIT", 30)
    undisturbed = twin(site, "undisturbed")
    expected = ingest(undisturbed, [inbox])
    sync, calls = storage.sync, 0

    def refuse(path: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(path)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "sync", refuse)
        patch.setattr(staging, "sync", refuse)
        with pytest.raises(StorageFull):
            ingest(site, [inbox])
    content(site)
    report = ingest(site, [inbox])
    assert report.accepted + report.duplicates == expected.accepted
    assert content(site) == content(undisturbed)
