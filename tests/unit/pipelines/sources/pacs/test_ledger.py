"""The ledger remembers what was fetched, and tells nothing of it."""

from __future__ import annotations

import stat
from dataclasses import replace

from federim.home import Home
from federim_pipelines.sources.pacs.ledger import LEDGER, Ledger
from federim_pipelines.sources.pacs.query import Study

STUDY = Study("1.2.826.0.1.3680043.8.498.42", 12, ())


def test_a_study_is_known_until_the_pacs_has_more_of_it(site: Home) -> None:
    with Ledger.open(site) as ledger:
        assert not ledger.has(STUDY)
        ledger.add(STUDY)
    with Ledger.open(site) as ledger:
        assert ledger.has(STUDY)
        grown = replace(STUDY, instances=13)
        assert not ledger.has(grown)
        ledger.add(grown)
        assert ledger.has(grown)
        assert not ledger.has(STUDY)


def test_a_study_whose_size_no_pacs_tells_is_known_all_the_same(site: Home) -> None:
    unknown = replace(STUDY, instances=None)
    with Ledger.open(site) as ledger:
        assert not ledger.has(unknown)
        ledger.add(unknown)
        assert ledger.has(unknown)


def test_the_file_is_the_owners_and_holds_no_uid(site: Home) -> None:
    with Ledger.open(site) as ledger:
        ledger.add(STUDY)
    path = site.root / LEDGER
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert STUDY.uid.encode() not in path.read_bytes()
