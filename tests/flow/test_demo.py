"""The demonstration's whole story, from the command line, and every check in it seen to be true."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("demo")  # one worker makes it, once

FEDERIM = Path(sys.executable).with_name("federim")


def federim(*words: str | Path, code: int = 0) -> str:
    """What a command prints; its exit code is `code`."""
    done = subprocess.run([FEDERIM, *words], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder and the JSON of one demonstration."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    return folder, json.loads(federim("demo", "--home", folder, "--json"))


def facts(story: dict[str, Any], step: int) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = story["steps"][step - 1]["facts"]
    return told


def test_every_file_is_accounted_for(demo: tuple[Path, dict[str, Any]]) -> None:
    *first, again = facts(demo[1], 3)
    assert len(first) == 3
    for one in first:
        assert one["read"] == one["accepted"] + one["duplicates"] + one["quarantined"]
        cut = (
            {"code-missing": 1} if one is first[-1] else {}
        )  # a message of the laboratory that speaks HL7 v2
        expected = {"empty": 1, "not-supported": 1, "patient-unknown": 1, "truncated": 1}
        assert one["reasons"] == expected | cut
        assert one["duplicates"] == 2
    assert again["accepted"] == 0
    assert not any(again["rows"].values())


def test_people_are_linked_in_the_project_and_nowhere_else(demo: tuple[Path, dict[str, Any]]) -> None:
    linkage = facts(demo[1], 6)[0]
    assert linkage["at_two_sites"] == 12
    assert linkage["lake_pseudonyms_in_common"] == 0


def test_both_models_learn_something(demo: tuple[Path, dict[str, Any]]) -> None:
    _, biology, images = facts(demo[1], 6)
    for run in (biology, images):
        assert len(run["sites"]) == 3
        assert run["auc"] > 0.75
        assert Path(run["model"]).with_name("report.html").exists()


def test_no_patient_of_the_raw_files_is_in_any_home(demo: tuple[Path, dict[str, Any]]) -> None:
    """Names, IPP and INS: searched in the bytes of every file outside the raw material."""
    folder, _ = demo
    planted: set[bytes] = {b"FICTIF", b"PATIENT0"}
    for path in folder.glob("raw/*/laboratory/Patient.ndjson"):
        for line in path.read_text().splitlines():
            planted |= {one["value"].encode() for one in json.loads(line)["identifier"]}
    assert len(planted) > 150
    for path in folder.rglob("*"):
        if path.is_file() and (folder / "raw") not in path.parents:
            content = path.read_bytes()
            assert not [value for value in planted if value in content], path.relative_to(folder)


def test_the_commands_of_the_readme_work_on_it(demo: tuple[Path, dict[str, Any]]) -> None:
    site = demo[0] / "sites" / "chu-nord"
    rows = json.loads(federim("--home", site, "sql", "select count(*) from instance", "--json"))["rows"]
    assert rows == [[60 * 16]]
    frozen = json.loads(federim("--home", site, "cohort", "freeze", "chest-ct", "--json"))
    assert (frozen["persons"], frozen["series"]) == (60, 60)
    assert json.loads(federim("--home", site, "audit", "verify", "--json"))["ok"] is True
    assert (
        json.loads(federim("--home", site, "ingest", demo[0] / "raw" / "chu-nord", "--json"))["accepted"] == 0
    )


def test_a_release_verifies_until_any_file_of_it_is_changed(demo: tuple[Path, dict[str, Any]]) -> None:
    site = demo[0] / "sites" / "clinique-sud"
    (release,) = [path for path in (site / "releases").iterdir() if path.is_dir()]
    federim("--home", site, "export", "verify", release.name)
    for file in sorted(release.iterdir()):
        sound = file.read_bytes()
        file.chmod(0o600)
        file.write_bytes(bytes([sound[0] ^ 1]) + sound[1:])
        federim("--home", site, "export", "verify", release.name, code=14)
        file.write_bytes(sound)
    federim("--home", site, "export", "verify", release.name)


def test_it_replaces_an_earlier_demonstration_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("irreplaceable")
    federim("demo", "--home", tmp_path, code=3)
    assert (tmp_path / "thesis.txt").read_text() == "irreplaceable"
