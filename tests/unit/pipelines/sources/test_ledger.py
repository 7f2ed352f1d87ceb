"""The ledger remembers what was pulled, and tells nothing of it."""

from __future__ import annotations

import stat

from federim.home import Home
from federim_pipelines.sources.ledger import Ledger

STUDY = "1.2.826.0.1.3680043.8.498.42"


def test_what_was_pulled_is_known_to_the_next_pull_and_nothing_else_is(site: Home) -> None:
    with Ledger(site) as ledger:
        assert not ledger.has("pacs", STUDY, "12")
        ledger.add("pacs", STUDY, "12")
    with Ledger(site) as ledger:
        assert ledger.has("pacs", STUDY, "12")
        assert not ledger.has("pacs", STUDY, "13")
        assert not ledger.has("pacs", f"{STUDY}1", "2")


def test_its_files_are_the_owners_and_hold_no_uid(site: Home) -> None:
    with Ledger(site) as ledger:
        ledger.add("pacs", STUDY, "12")
        files = list(site.root.glob(f"{site.pulled.name}*"))
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert not any(STUDY.encode() in path.read_bytes() for path in files)
