"""A small centre's export by commands alone, from the form to the verified release."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from federim.cli.audit import audit
from federim.cli.context import Invocation
from federim.cli.export import export
from federim.cli.member import member
from federim.home import Home, Role
from federim.identity.rights import Rights
from federim.lake import snapshot
from federim.lake.snapshot import Snapshot
from federim.lake.tables import Lake
from federim.model.errors import FederimError, NotAllowed, VerificationFailed

TOMORROW = (date.today() + timedelta(days=1)).isoformat()
NOUNS = {"export": export, "member": member, "audit": audit}


@pytest.fixture
def frozen(site: Home) -> Snapshot:
    """Thirty persons in a frozen cohort of the site called alpha."""
    rows = [
        {
            "person_id": f"{number:032x}",
            "year_of_birth": 1960,
            "gender_concept_id": 8507 if number % 2 else 8532,
            "site": "alpha",
        }
        for number in range(30)
    ]
    Rights.open(site).close()  # no lake has persons before there is a vault
    with Lake(site).writing() as writer:
        writer.commit({"person": rows}, {})
    (site.cohorts / "everyone.toml").write_text(
        'title = "Everyone"\n[person]\nyear_of_birth = { at_least = 1900 }\n'
    )
    return snapshot.freeze(site, "everyone")


@pytest.fixture
def form(frozen: Snapshot, tmp_path: Path) -> Path:
    path = tmp_path / "form.toml"
    path.write_text(f"""
project = "who"
purpose = "statistics"
question = "How many are there?"
route = "eds"
reference = "EDS-1"

[[snapshots]]
site = "alpha"
id = "{frozen.id}"
sha256 = "{frozen.sha256}"

[[tables]]
name = "persons"
from = "person"
why = "to describe the cohort"
group_by = ["gender_concept_id"]
measures = ["persons"]
""")
    return path


@pytest.fixture
def run(site: Home) -> Callable[..., Any]:
    """`run("export show 2026-001 --as ada")`: the JSON it prints; a refusal is raised."""

    def invoke(line: str, *more: str, home: Home = site, exit_code: int = 0) -> Any:
        noun, *words = line.split()
        result = CliRunner().invoke(NOUNS[noun], [*words, *more, "--json"], obj=Invocation(home=home.root))
        if isinstance(result.exception, FederimError):
            raise result.exception
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    return invoke


@pytest.fixture
def staff(run: Callable[..., Any]) -> None:
    for name, role in {
        "carl": "coordinator",
        "ada": "researcher",
        "mia": "committee",
        "noe": "committee",
        "olga": "site_officer",
    }.items():
        run(f"member add {name} --role {role} --as carl")


@pytest.mark.usefixtures("staff")
def test_the_whole_way_of_an_export(run: Callable[..., Any], form: Path, site: Home) -> None:
    number = run("export request", str(form), "--as", "ada")["request"]
    assert run(f"export assess {number} --as olga")["acceptable"]
    run(f"export submit {number} --as ada")
    assert run("export list")["requests"][0]["turn"] == "coordinator"
    assert run(f"export review {number} --as carl --due {TOMORROW}")["seats"] == ["mia", "noe"]
    run(f"export vote {number} approve --as mia --reason sound")
    assert run(f"export show {number} --as noe")["votes"] is None
    run(f"export vote {number} approve --as noe --reason sound")
    assert len(run(f"export show {number} --as noe")["votes"]) == 2
    assert run(f"export decide {number} --as carl")["outcome"] == "approved"
    release = run(f"export release {number} --as olga")
    assert run(f"export verify {release['release']}")["ok"]
    assert run(f"export verify {release['folder']}")["manifest_sha256"] == release["manifest"]
    assert run("audit verify") == {**run("audit verify"), "ok": True}
    assert run("audit list --act export.release --limit 1")["events"][0]["actor"] == "olga"


@pytest.mark.usefixtures("staff")
def test_documents_pass_between_a_hub_and_a_site(
    run: Callable[..., Any], form: Path, site: Home, make_home: Callable[..., Home], tmp_path: Path
) -> None:
    hub = make_home("hub", Role.HUB)
    site.trust("hub", hub.signing_key.public)
    hub.trust("alpha", site.signing_key.public)
    for name, role in {"carl": "coordinator", "ada": "researcher", "mia": "committee"}.items():
        run(f"member add {name} --role {role} --as carl", home=hub)
    file = {name: str(tmp_path / f"{name}.json") for name in ("package", "report", "release", "receipt")}

    number = run("export request", str(form), "--as", "ada", home=hub)["request"]
    run(f"export show {number} --package", file["package"], home=hub)
    run("export assess", file["package"], "--as", "olga", "--out", file["report"])
    run("export record", file["report"], "--as", "carl", home=hub)
    run(f"export submit {number} --as ada", home=hub)
    run(f"export review {number} --as carl --due {TOMORROW}", home=hub)
    run(
        f"export vote {number} approve-with-conditions --as mia --reason sound --conditions publish", home=hub
    )
    run(f"export decide {number} --as carl", home=hub)
    met = run(f"export meet-conditions {number} --as carl --out", str(tmp_path / "decisions"), home=hub)
    (decision,) = met["documents"]
    release = run("export release", decision, "--as", "olga", "--out", file["release"])["release"]
    run("export record", file["release"], "--as", "carl", "--out", file["receipt"], home=hub)
    run("export record", file["receipt"], "--as", "olga")
    assert run(f"export verify {release}")["countersigned_by"] == "hub"

    revocation = str(tmp_path / "revocation.json")
    run(f"export revoke {number} --as carl --out", revocation, home=hub)
    assert run("export record", revocation, "--as", "olga")["kind"] == "revocation"


@pytest.mark.usefixtures("staff")
def test_a_request_is_reworded_amended_and_withdrawn(run: Callable[..., Any], form: Path) -> None:
    number = run("export request", str(form), "--as", "ada")["request"]
    again = run("export request", str(form), "--as", "ada", "--revises", number)
    assert (again["request"], again["revision"]) == (number, 2)
    child = run("export request", str(form), "--as", "ada", "--amends", number)["request"]
    assert run(f"export show {child}")["amends"] == number
    assert run(f"export withdraw {child} --as ada")["status"] == "withdrawn"


def released(run: Callable[..., Any], form: Path) -> Any:
    number = run("export request", str(form), "--as", "ada")["request"]
    run(f"export assess {number} --as olga")
    run(f"export submit {number} --as ada")
    run(f"export review {number} --as carl --due {TOMORROW}")
    for name in ("mia", "noe"):
        run(f"export vote {number} approve --as {name} --reason sound")
    run(f"export decide {number} --as carl")
    return run(f"export release {number} --as olga")


@pytest.mark.usefixtures("staff")
def test_a_changed_release_ends_with_14(run: Callable[..., Any], form: Path) -> None:
    release = released(run, form)
    page = Path(release["folder"]) / "README.md"
    page.chmod(0o600)
    page.write_text(page.read_text().replace("who", "hwo", 1))
    with pytest.raises(VerificationFailed, match=r"README\.md") as failed:
        run(f"export verify {release['release']}")
    assert failed.value.exit_code == 14


@pytest.mark.usefixtures("staff")
def test_a_risky_export_ends_with_16(
    run: Callable[..., Any], form: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = run("export request", str(form), "--as", "ada")["request"]
    monkeypatch.setenv("FEDERIM_SMALL_CELL", "16")
    assert not run(f"export assess {number} --as olga", exit_code=16)["acceptable"]


@pytest.mark.usefixtures("staff")
def test_a_recused_member_is_shown_so(run: Callable[..., Any], form: Path) -> None:
    number = run("export request", str(form), "--as", "ada")["request"]
    run(f"export assess {number} --as olga")
    run(f"export submit {number} --as ada")
    run(f"export review {number} --as carl --due {TOMORROW}")
    run(f"export recuse {number} --as noe --reason kin")
    seats = run(f"export show {number}")["review"]["seats"]
    assert seats == [{"member": "mia", "state": "has not voted"}, {"member": "noe", "state": "recused"}]


def test_the_diagram_is_printed() -> None:
    printed = CliRunner().invoke(export, ["diagram"])
    assert printed.stdout.startswith("```mermaid\nstateDiagram-v2\n")


@pytest.mark.usefixtures("staff")
def test_members_are_listed_and_only_a_coordinator_adds_more(run: Callable[..., Any]) -> None:
    assert {each["member"]: each["roles"] for each in run("member list")["members"]}["ada"] == ["researcher"]
    with pytest.raises(NotAllowed):
        run("member add eve --role committee --as ada")


def test_text_for_people_says_the_same(site: Home, staff: None) -> None:
    for noun, words in (
        ("member", ["list"]),
        ("export", ["list"]),
        ("audit", ["list"]),
        ("audit", ["verify"]),
    ):
        result = CliRunner().invoke(NOUNS[noun], words, obj=Invocation(home=site.root))
        assert result.exit_code == 0
        assert result.stdout.strip()
