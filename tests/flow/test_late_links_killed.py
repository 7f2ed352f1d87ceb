"""Killed at whatever moment, a late link is completed by the next run, and nothing of the old name stays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from byte_search import find

from federim.home import Home
from federim.identity.exchange import Exchange
from federim.lake import snapshot
from federim.lake.reader import connect_home, query
from federim.model.identifiers import IdentityStatus, Ins, Ipp, LocalId, NationalId, PatientIdentity
from federim_pipelines.run import ingest

SCRIPT = Path(__file__).with_name("killed_relink.py")
IPP = "IPP-p1"
FEMALE_1961 = "261049999910124"
Content = dict[str, list[str]]


@pytest.fixture
def names(
    site: Home, inbox: Path, write_image: Callable[..., Path], write_bundle: Callable[..., Path]
) -> list[str]:
    """A person's first names in the lake, whose INS has just come: nothing is rewritten yet."""
    for number in range(3):
        write_image(f"{number}.dcm", patient=IPP, number=number)
        write_image(f"other-{number}.dcm", patient="IPP-p2", number=number)
    write_bundle("results.json", patient="p1", results=5)
    ingest(site, [inbox])
    (site.cohorts / "all.toml").write_text('title = "All"\n[person]\nyear_of_birth = { at_least = 1900 }\n')
    snapshot.freeze(site, "all")
    local = LocalId(issuer="", value=Ipp(IPP))
    ins = NationalId(oid="1.2.250.1.213.1.4.8", value=Ins(FEMALE_1961), status=IdentityStatus.QUALIFIED)
    with Exchange.open(site) as exchange:
        person_id = exchange.learn(PatientIdentity(local=(local,))).person_id
        exchange.learn(PatientIdentity(local=(local,), national=ins))
        assert len(exchange.rewritings()) == 1
    told = [person_id]
    with connect_home(site) as connection:
        for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            sql = f"SELECT DISTINCT \"{name}\" AS it FROM instance WHERE person_id = '{person_id}'"
            told += query(connection, sql, seconds=60)["it"].to_pylist()
    return told


def _check(
    site: Home, names: list[str], inbox: Path, content: Callable[[Home], Content], moments: int
) -> None:
    subprocess.run([sys.executable, str(SCRIPT), str(site.root), str(moments)], check=True)
    whole = Home.open(site.root.with_name(f"{site.root.name}-whole"))
    for number in range(1, moments + 1):
        home = Home.open(site.root.with_name(f"{site.root.name}-{number}"))
        report = ingest(home, [inbox])
        assert (report.accepted, report.quarantined) == (0, 0), number
        assert content(home) == content(whole), number
        assert _objects(home) == _objects(whole), number
        assert find(home.root, names) == [], number
        with Exchange.open(home) as exchange:
            assert exchange.rewritings() == []


def _objects(home: Home) -> set[str]:
    return {path.name for path in home.objects.rglob("*") if path.is_file()}


def test_a_link_killed_here_and_there_is_completed(
    site: Home, names: list[str], inbox: Path, content: Callable[[Home], Content]
) -> None:
    _check(site, names, inbox, content, 6)


@pytest.mark.full
def test_a_link_killed_at_many_moments_is_completed(
    site: Home, names: list[str], inbox: Path, content: Callable[[Home], Content]
) -> None:
    _check(site, names, inbox, content, 60)
