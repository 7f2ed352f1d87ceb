"""What a plan shows holds nothing of a patient, wherever a source puts it into its URLs."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_manifests import INS, manifest

from federim_pipelines.sources.drimbox.manifest import read_manifest
from federim_pipelines.sources.drimbox.plan import HIDDEN, Plan, shown

SECRETS = (INS, "KERVADEC", "SOAZIG", "19800614", "ACQ99812")


@pytest.mark.parametrize(
    "url",
    [
        f"https://h.example/patients/{INS}",
        f"https://h.example/rs?patient={INS}&name=KERVADEC",
        f"https://{INS}:x@h.example/rs",
        f"https://h.example/rs#{INS}",
        "https://h.example/kervadec%5Esoazig/rs",
        "https://h.example/%4BERVADEC/rs",
        f"https://h.example/p-{INS}-2/acc_ACQ99812/rs",
    ],
)
def test_a_value_in_a_url_is_hidden(url: str) -> None:
    plan = json.dumps(
        Plan(read_manifest(manifest({"1.2.3": {"1.2.3.1": ["1.2.3.1.1"]}}, url=url)), None).as_json()
    )
    assert "h.example" in plan
    assert not [secret for secret in SECRETS if secret.lower() in unquote(plan).lower()]


def test_uids_and_places_stay_readable() -> None:
    url = "https://h.example:8443/drimbox/studies/1.2.3/series/1.2.3.1"
    assert shown(url, frozenset(SECRETS)) == url
    assert shown("https://h.example:port/x", frozenset()) == HIDDEN


@given(value=st.text(alphabet="ABCDEFG0123456789", min_size=5, max_size=12), before=st.text(max_size=5))
def test_no_value_is_left_in_a_path(value: str, before: str) -> None:
    path = before.replace("/", "").replace("?", "").replace("#", "") + value
    assert value.lower() not in shown(f"https://h.example/rs/{path}/x", frozenset({value})).lower()


def test_the_real_manifests_plan_holds_no_value_of_its_patient(shared_data: Path) -> None:
    for path in [shared_data / "drimbox/kos.dcm", *(shared_data / "hl7eu-kos").glob("*.dcm")]:
        header = pydicom.dcmread(path)
        plan = json.dumps(Plan(read_manifest(path.read_bytes()), None).as_json())
        assert str(header.StudyInstanceUID) in plan
        for value in (header.PatientID, *str(header.PatientName).replace("^", " ").split()):
            assert str(value) not in plan
