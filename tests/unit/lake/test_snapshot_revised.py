"""Where a snapshot was, a signed tombstone says which one stands in its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from federim import key_rotation
from federim.home import Home
from federim.lake import snapshot
from federim.lake.rewriting import Change, rewrite
from federim.lake.tables import Lake
from federim.lake.tombstone import TOMBSTONE
from federim.model.errors import UnknownName, VerificationFailed
from federim.model.identifiers import Pseudonym

PERSONS = ("p1", "p2", "p3")


@pytest.fixture
def frozen(site: Home, fill: Callable[..., Any], rows: Any) -> snapshot.Snapshot:
    """A cohort of three persons with a CT each."""
    (site.cohorts / "chest.toml").write_text('title = "Chest"\n\n[[series]]\nModality = "CT"\n')
    fill(
        {
            "person": [rows.person(person) for person in PERSONS],
            "image_occurrence": [rows.series(person, number) for number, person in enumerate(PERSONS, 1)],
        }
    )
    return snapshot.freeze(site, "chest")


@pytest.fixture
def forget(site: Home, person_id: Callable[[str], str]) -> Callable[[str], None]:
    def act(person: str) -> None:
        with Lake(site).writing() as writer:
            rewrite(site, writer, Change(person_id=Pseudonym(person_id(person)), into=None))

    return act


def test_the_old_name_leads_to_the_last_revision(
    site: Home, frozen: snapshot.Snapshot, forget: Callable[[str], None]
) -> None:
    forget("p1")
    first = snapshot.load(site, frozen.id)
    forget("p2")
    last = snapshot.load(site, frozen.id)
    assert [one.persons for one in (frozen, first, last)] == [3, 2, 1]
    assert len({frozen.id, first.id, last.id}) == 3
    assert snapshot.every(site) == [last]
    for wanted in (first.id, last.id, "chest", frozen.id[:-1]):
        assert snapshot.load(site, wanted) == last
    assert last.created_at == frozen.created_at
    for sha256 in (frozen.sha256, first.sha256, last.sha256):
        assert snapshot.answers_to(site, last, sha256)
    assert not snapshot.answers_to(site, last, "0" * 64)


def test_another_snapshot_does_not_answer_for_one_that_was_revised(
    site: Home, frozen: snapshot.Snapshot, forget: Callable[[str], None]
) -> None:
    (site.cohorts / "other.toml").write_text('title = "Other"\n\n[[series]]\nModality = "CT"\n')
    other = snapshot.freeze(site, "other")
    forget("p1")
    revised = snapshot.load(site, other.id)
    assert snapshot.answers_to(site, revised, other.sha256)
    assert not snapshot.answers_to(site, revised, frozen.sha256)


def test_who_is_in_no_cohort_is_taken_out_of_what_snapshots_pin(
    site: Home, fill: Callable[..., Any], rows: Any, forget: Callable[[str], None]
) -> None:
    (site.cohorts / "chest.toml").write_text('title = "Chest"\n\n[[series]]\nModality = "CT"\n')
    fill({"person": [rows.person("p1"), rows.person("p2")], "image_occurrence": [rows.series("p1", 1)]})
    before = snapshot.freeze(site, "chest")
    forget("p2")
    after = snapshot.verify(site, snapshot.load(site, before.id))
    assert (after.persons, after.series) == (before.persons, before.series)
    assert sum(file.rows for file in after.files) == sum(file.rows for file in before.files) - 1


@pytest.mark.parametrize(
    "change", [{"into": "chest-000000000000"}, {"sha256": "0" * 64}, {"signer": "beta"}, {}]
)
def test_a_tombstone_that_was_changed_is_noticed(
    site: Home, frozen: snapshot.Snapshot, forget: Callable[[str], None], change: dict[str, str]
) -> None:
    forget("p1")
    path = site.snapshots / frozen.id / TOMBSTONE
    assert path.stat().st_mode & 0o777 == 0o400
    path.chmod(0o600)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}) if change else "{")
    for ask in (lambda: snapshot.load(site, frozen.id), lambda: snapshot.answers_to(site, frozen, "0" * 64)):
        with pytest.raises(VerificationFailed, match=frozen.id):
            ask()


def test_a_tombstone_of_another_site_counts_for_nothing(
    site: Home, make_home: Callable[..., Home], frozen: snapshot.Snapshot, forget: Callable[[str], None]
) -> None:
    from federim import signed
    from federim.trust.roots import TrustKind

    other = make_home("beta")
    site.trust("beta", other.own_key.public, TrustKind.HUB)
    forget("p1")
    path = site.snapshots / frozen.id / TOMBSTONE
    told = {
        name: json.loads(path.read_text())[name] for name in ("snapshot", "sha256", "into", "into_sha256")
    }
    path.unlink()
    path.write_text(json.dumps(signed.sign(other, "tombstone", told)))
    with pytest.raises(VerificationFailed, match="another site"):
        snapshot.load(site, frozen.id)


def test_a_tombstone_outlives_the_key_that_signed_it(
    site: Home, frozen: snapshot.Snapshot, forget: Callable[[str], None]
) -> None:
    forget("p1")
    key_rotation.rotate_own(site)
    assert snapshot.load(Home.open(site.root), frozen.id).persons == 2


def test_a_tombstone_whose_revision_is_lost_leads_nowhere(
    site: Home, frozen: snapshot.Snapshot, forget: Callable[[str], None]
) -> None:
    import shutil

    forget("p1")
    shutil.rmtree(site.snapshots / snapshot.load(site, frozen.id).id)
    with pytest.raises(UnknownName, match="no snapshot"):
        snapshot.load(site, frozen.id)
