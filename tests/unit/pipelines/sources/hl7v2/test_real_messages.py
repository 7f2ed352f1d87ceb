"""Every real message file is accounted for, and what it tells is what a reader of it finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim.model.identifiers import Merge
from federim_pipelines.items import LAST, Item, Outcome
from federim_pipelines.run import ingest
from federim_pipelines.sources.hl7v2 import reading
from federim_pipelines.worker import Worker

# Of each file: rows by table, withdrawals, refusals by reason, counts of what is skipped.
Account = tuple[dict[str, int], int, dict[str, int], dict[str, int]]

REPORT_OF_BIOLOGY = {"report": 1, "procedure_occurrence": 2, "observation": 1}
RESULTS_OF_BIOLOGY = 40  # whatever becomes of each: a unit may not fit its code

ACCOUNTS: dict[str, Account] = {
    "SGL/admission.er7": ({"person": 1, "observation": 2, "visit_occurrence": 1}, 0, {}, {}),
    "SGL/sortie.er7": ({"person": 1, "visit_occurrence": 1}, 0, {}, {}),
    "Remplacement MDM/message_MDM_CR_Radio_RPLC_N1.er7": ({"person": 1}, 2, {"confidential": 1}, {}),
    "Suppression MDM/message_MDM_CR_Radio_DEL_N1.er7": ({"person": 1}, 1, {}, {}),
    "Remplacement MDM/ack.er7": ({}, 0, {}, {"ACK": 1}),
    "Suppression MDM/ack.er7": ({}, 0, {}, {"ACK": 1}),
    "message_MDM_CR_Radio_INIT_N1.er7": ({"person": 1}, 1, {"confidential": 1}, {"attachment": 1}),
    "message_MDM_CR_Radio_INIT_N1_Base64.er7": ({"person": 1}, 1, {"confidential": 1}, {}),
    "message_ORU_CR_Bio_DEL_N3_SEGUR.hl7": ({"person": 1}, 2, {}, {}),
    "hl7eu-oru/Example2.txt": ({}, 0, {"unreadable": 1}, {}),
    "hl7eu-oru/Example3.txt": ({}, 0, {"unreadable": 1}, {}),
    "hl7eu-oru/OrderPlaced.txt": ({}, 0, {}, {"ORM": 1}),
    "hl7eu-oru/OrderResulted.txt": ({"person": 1, "report": 1}, 0, {}, {"text": 3}),
    "drimbox/patient1.hl7": ({"person": 1, "report": 1, "report_study": 1}, 0, {}, {}),
}


@pytest.fixture
def read_all(shared_data: Path, open_worker: Callable[..., Worker]) -> dict[str, Outcome]:
    """What each real file gives, by its path, everybody made known first."""
    worker = open_worker(test_identities=True)
    files = [
        *shared_data.glob("ansforge-hl7v2/**/*.hl7"),
        *shared_data.glob("ansforge-hl7v2/**/*.er7"),
        *shared_data.glob("hl7eu-oru/*.txt"),
        shared_data / "drimbox" / "patient1.hl7",
    ]
    items = [Item(reading.KIND, path) for path in sorted(files)]
    for item in items:
        for identity in reading.identities(item):
            if not isinstance(identity, Merge):
                worker.exchange.learn(identity)
    told = {str(item.path.relative_to(shared_data)): reading.read(item, worker) for item in items}
    persons = {row["person_id"] for each in told.values() for r in each.records for _, row in r.rows}
    assert len(persons) == 3  # the one of most files, OrderResulted's, and the DRIMbox's
    return told


def account(told: Outcome) -> Account:
    tables = Counter(table for record in told.records for table, _ in record.rows)
    gone = sum(not record.rows for record in told.records)
    refused = Counter(refusal.reason.value for refusal in told.refusals)
    return dict(tables), gone, dict(refused), told.skipped


def test_every_file_is_accounted_for(read_all: dict[str, Outcome]) -> None:
    assert len(read_all) == 21
    left = dict(read_all)
    for end, expected in ACCOUNTS.items():
        [path] = [path for path in left if path.endswith(end)]
        assert account(left.pop(path)) == expected, end
    consents = [path for path in left if "Consentement_DMP" in path]
    for path in consents:
        rows, *others = account(left.pop(path))
        assert rows == {"person": 1, "observation": 3, "visit_occurrence": 1} and others == [0, {}, {}]
    assert len(consents) == 5
    assert sorted(path.rpartition("_CR_Bio_")[2] for path in left) == [
        "INIT_N3_SEGUR.hl7",
        "RPLC_N3_SEGUR.hl7",
    ]
    for path, told in left.items():
        rows, gone, refused, _ = account(told)
        assert {name: rows[name] for name in REPORT_OF_BIOLOGY} == REPORT_OF_BIOLOGY, path
        assert rows["measurement"] + sum(refused.values()) == RESULTS_OF_BIOLOGY
        assert gone == (1 if "RPLC" in path else 0)


def test_a_reports_replacement_is_its_next_version_and_a_deletion_its_last(
    read_all: dict[str, Outcome],
) -> None:
    first, second = (
        next(record for record in told.records if any(table == "report" for table, _ in record.rows))
        for name in ("INIT_N3", "RPLC_N3")
        for path, told in read_all.items()
        if name in path
    )
    assert first.key == second.key
    assert first.version is not None and second.version is not None and first.version < second.version
    deleted = next(told for path, told in read_all.items() if "DEL_N3" in path)
    assert deleted.records[-1].version == LAST


def test_nothing_a_reader_could_recognise_is_in_what_is_made(read_all: dict[str, Outcome]) -> None:
    telling = ("PAT-TROIS", "DOMINIQUE", "279035121518989", "248039263001064", "000003", "Breteuil")
    for path, told in read_all.items():
        made = repr([record.rows for record in told.records]) + repr(told.refusals) + repr(told.skipped)
        assert [word for word in telling if word in made] == [], path


def test_the_deletion_of_an_order_takes_its_reports_along(site: Home, shared_data: Path) -> None:
    """The three messages of the CI-SIS: their documents name each other wrongly, their order is the same."""
    ingest(site, [shared_data / "ansforge-hl7v2"], test_identities=True)
    with connect_home(site) as connection:
        for table in ("report", "measurement"):
            found = query(connection, f"SELECT count(*) AS n FROM {table}", seconds=9)
            assert found["n"].to_pylist() == [0], table
