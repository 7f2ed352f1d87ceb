"""`federim pull drimbox` from the command line, at a real source."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from drimbox_hospital import Hospital
from made_manifests import INS, manifest
from typer.testing import CliRunner, Result

from federim.cli.main import app

SECRETS = (INS, "KERVADEC", "SOAZIG", "ACQ99812", "19800614")


@pytest.fixture
def pull(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`federim pull WORDS`, with all it takes to be let in."""
    monkeypatch.setenv("FEDERIM_CLIENT_SECRET", hospital.provider.client[1])

    def run(*words: str | Path) -> Result:
        result = CliRunner().invoke(app, ["--home", str(hospital.site.root), "pull", *map(str, words)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def options(hospital: Hospital) -> list[str | Path]:
    return [
        *("--sources", hospital.sources, "--ca", hospital.paper.certificate),
        *("--token-issuer", hospital.provider.url, "--client-id", "federim"),
    ]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def build(content: bytes, name: str = "kos.dcm") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return build


def test_a_dry_run_shows_what_would_be_asked_and_asks_nothing(
    hospital: Hospital, pull: Callable[..., Result], write: Callable[..., Path]
) -> None:
    told = pull("drimbox", write(hospital.publish()), "--dry-run", "--json", "--sources", hospital.sources)
    [plan] = json.loads(told.stdout)["manifests"]
    assert (plan["dialect"], plan["rejects"], plan["instances"]) == ("drimbox", False, 3)
    [study] = plan["studies"]
    assert study["StudyInstanceUID"] == "1.2.3"
    assert [(one["url"], one["source"], one["instances"]) for one in study["series"]] == [
        (f"{hospital.url}/studies/1.2.3/series/1.2.3.1", "chu-nord", 2),
        (f"{hospital.url}/studies/1.2.3/series/1.2.3.2", "chu-nord", 1),
    ]
    assert not [secret for secret in SECRETS if secret in told.output]
    assert (hospital.source.asked, hospital.provider.given) == ([], 0)


def test_a_dry_run_needs_no_list_of_sources(
    hospital: Hospital, pull: Callable[..., Result], write: Callable[..., Path]
) -> None:
    told = pull("drimbox", write(hospital.publish()), "--dry-run")
    assert told.exit_code == 0
    assert told.stdout.count("no source of the list") == 2


def test_a_pull_says_how_each_series_ended(
    hospital: Hospital, pull: Callable[..., Result], options: list[str], write: Callable[..., Path]
) -> None:
    hospital.source.fates["1.2.3.2"] = 410
    told = pull("drimbox", write(hospital.publish()), "--json", *options)
    assert told.exit_code == 0
    document = json.loads(told.stdout)
    [done] = document["manifests"]
    assert done["series"] == {"gone": 1, "retrieved": 1}
    assert document["ingest"]["chu-nord"]["accepted"] == 2
    assert "2 instances retrieved" not in pull("drimbox", write(hospital.publish()), *options).stdout
    assert not [secret for secret in SECRETS if secret in told.output]


def test_a_file_that_is_no_manifest_stops_none_of_the_others(
    hospital: Hospital, pull: Callable[..., Result], options: list[str], write: Callable[..., Path]
) -> None:
    bad, good = write(b"no DICOM", f"{INS}.dcm"), write(hospital.publish())
    told = pull("drimbox", bad, good, *options)
    assert told.exit_code == 4
    assert "manifest 1\n  not followed: not a readable DICOM file" in told.stdout
    assert INS not in told.output
    assert hospital.instances == 3


def test_a_rejection_note_is_followed_alike(
    hospital: Hospital, pull: Callable[..., Result], options: list[str], write: Callable[..., Path]
) -> None:
    pull("drimbox", write(hospital.publish()), *options)
    note = manifest({"1.2.3": {"1.2.3.1": ["1.2.3.1.2"]}}, title="113001")
    told = pull("drimbox", write(note), *options)
    assert "1 withdrawn from the lake" in told.stdout
    assert hospital.instances == 2


def test_without_a_token_nobody_is_asked(
    hospital: Hospital, pull: Callable[..., Result], write: Callable[..., Path]
) -> None:
    with pytest.raises(Exception, match="a DRIMbox answers nobody without a token"):
        pull("drimbox", write(hospital.publish()), "--sources", hospital.sources)
    assert hospital.source.asked == []


def test_a_list_is_signed_for_every_site(
    hospital: Hospital, pull: Callable[..., Result], tmp_path: Path
) -> None:
    listed = hospital.sources.with_suffix(".toml")
    told = pull("sources", listed, "--to", tmp_path / "signed.json", "--json")
    assert json.loads(told.stdout)["sources"] == ["chu-nord"]
    again, before = (json.loads(path.read_text()) for path in (tmp_path / "signed.json", hospital.sources))
    for document in (again, before):  # of two moments
        del document["signed_at"], document["signature"]
    assert again == before


def test_the_real_manifest_shows_no_ins(pull: Callable[..., Result], shared_data: Path) -> None:
    import pydicom

    path = shared_data / "drimbox/kos.dcm"
    told = pull("drimbox", path, "--dry-run", "--json")
    assert told.exit_code == 0
    header = pydicom.dcmread(path)
    assert str(header.StudyInstanceUID) in told.stdout
    for value in (header.PatientID, header.PatientName, header.ReferencedRequestSequence[0].AccessionNumber):
        assert str(value) not in told.output
