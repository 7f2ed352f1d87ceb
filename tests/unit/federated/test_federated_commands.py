"""The `federated` noun, from a TOML file to a report, as people and programs call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from federim.cli.main import app
from federim.home import Home
from federim.model.errors import HomeError, UnknownName, VerificationFailed
from federim_federated import project_sites


def federim(home: Home, *words: object) -> Result:
    return CliRunner().invoke(app, ["--home", str(home.root), "federated", *map(str, words)])


def told(home: Home, *words: object) -> dict:
    result = federim(home, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def source(consortium, plan_name, tmp_path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(consortium.toml(plan_name))
    return path


@pytest.fixture
def signed(consortium, plan_name, source) -> Path:
    told(consortium.hub, "plan", source)
    return Path(told(consortium.hub, "sign", plan_name, "--as", "ada")["path"])


def test_from_a_plan_to_a_report(consortium, plan_name, source, tmp_path):
    drafted = told(consortium.hub, "plan", source)
    assert drafted["signatures"] == []
    signed = told(consortium.hub, "sign", plan_name, "--as", "ada")
    assert (signed["signatures"], signed["digest"]) == (["hub"], drafted["digest"])
    for name, site in consortium.sites.items():
        key = tmp_path / f"{name}.sealed"
        key.write_bytes(project_sites.seal(consortium.hub, "lesions", name, actor="ada"))
        agreed = told(site, "countersign", signed["path"], "--project-key", key, "--as", "grace")
        assert agreed["signatures"] == sorted(["hub", name])
    homes = [word for site in consortium.sites.values() for word in ("--site", site.root)]
    ran = told(consortium.hub, "run", plan_name, *homes, "--as", "ada", "--learning-rate", 0.3)
    assert ran.keys() >= {"run", "rounds", "sites", "auc", "seconds", "model"}
    assert Path(ran["model"]).is_file()
    page = Path(told(consortium.hub, "report", ran["run"])["report"]).read_text()
    for part in ("alpha", "beta", "gamma", plan_name, "learning rate 0.3", "secure aggregation", "<svg"):
        assert part in page


def test_people_are_told_what_a_model_may_carry_before_they_sign(consortium, source):
    said = federim(consortium.hub, "plan", source).stdout
    assert "note: What a site sends back is bounded" in said
    assert "Learn whether two laboratory values tell a lesion." in said


def test_rounds_are_told_beside_the_output(consortium, plan_name, signed):
    consortium.agreed(plan_name)
    homes = [word for site in consortium.sites.values() for word in ("--site", site.root)]
    result = federim(consortium.hub, "run", plan_name, *homes, "--as", "ada")
    assert "round 6 of 6: auc" in result.stderr
    assert "mean of the sites' own test AUCs" in result.stdout and "round 6" not in result.stdout


def test_a_plan_is_signed_at_a_hub(consortium, plan_name, signed):
    assert isinstance(
        federim(consortium.sites["alpha"], "sign", plan_name, "--as", "ada").exception, HomeError
    )


def test_an_unsigned_plan_does_not_run(consortium, plan_name, source):
    told(consortium.hub, "plan", source)
    site = consortium.sites["alpha"].root
    result = federim(consortium.hub, "run", plan_name, "--site", site, "--as", "ada")
    assert isinstance(result.exception, VerificationFailed)


def test_a_run_nobody_made_has_no_report(consortium):
    assert isinstance(federim(consortium.hub, "report", "20200101T000000Z-x").exception, UnknownName)
