"""While the key server is away nothing of a new patient is lost, shown or taken for somebody else's."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import byte_search
import pydicom
import pytest
from clinical_messages import Result, Someone, admission, cda_biology, cda_imaging, fhir_bundle, merge, oru
from far_key_server import FarKeyServer
from typer.testing import CliRunner
from typer.testing import Result as Told

from federim.cli.main import app
from federim.home import Home
from federim.identity.exchange import Exchange
from federim.identity.rights import Rights
from federim.model.errors import KeyServerAway
from federim.model.identifiers import IdentityStatus, Ins, Ipp, LocalId, NationalId, PatientIdentity
from federim_pipelines import behind
from federim_pipelines.accounting import RunReport
from federim_pipelines.behind import Draining, drain_behind
from federim_pipelines.items import Reason
from federim_pipelines.parked.counts import counted
from federim_pipelines.parked.lot import ParkingLot
from federim_pipelines.parked.resuming import resume
from federim_pipelines.processes import process_pool
from federim_pipelines.run import ingest
from federim_pipelines.spool import Spool

Content = dict[str, list[str]]

SCAN = dt.datetime(2024, 5, 20, 10, 30)
MAPPING = """
[[file]]
pattern = "*.csv"
id = ["n"]
person = { key = "ipp", registers = true }
date = { column = "day" }

[[file.measurement]]
column = "creatinine"
code = "14682-9"
system = "http://loinc.org"
unit = "umol/L"
"""


@pytest.fixture(scope="module")
def key_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarKeyServer]:
    server = FarKeyServer(tmp_path_factory.mktemp("far"))
    yield server
    server.stop()


@pytest.fixture
def linked(make_home: Callable[..., Home], key_server: FarKeyServer) -> Iterator[Home]:
    """A site that asks the key server, which is away."""
    yield make_home(**key_server.settings("alpha"))
    key_server.stop()


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING)
    return path


@pytest.fixture
def new() -> Someone:
    return Someone.born(1950, 3, 101)


@pytest.fixture
def everything(inbox: Path, write_image: Callable[..., Path], new: Someone) -> Path:
    """All that a hospital sends of a new patient, and images of one whom its register alone knows."""
    study = "1.2.826.0.1.3680043.10.999.1"
    scan = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "AccessionNumber": "ACC1"}
    for number in range(3):
        write_image(
            f"ct/{number}.dcm",
            patient=new.ipp,
            number=number,
            SOPInstanceUID=f"{study}.1.{number + 1}",
            **scan,
        )
    archived = write_image("archived.dcm", patient=new.ipp, number=9, SOPInstanceUID=f"{study}.1.9", **scan)
    with zipfile.ZipFile(inbox / "archive.zip", "w") as archive:
        archive.write(archived, f"{new.family}/ct.dcm")
    archived.unlink()
    for number in range(2):
        write_image(f"other/{number}.dcm", patient="LOCAL-1", number=number)
    (inbox / "ward.json").write_bytes(fhir_bundle(new, [Result(SCAN, 80)]))
    lines = json.loads(fhir_bundle(new, [Result(SCAN, 81, name="2")]))["entry"]
    (inbox / "lines.ndjson").write_text("".join(f"{json.dumps(line['resource'])}\n" for line in lines))
    (inbox / "stay.hl7").write_bytes(admission(new, SCAN, stay="S1"))
    (inbox / "laboratory.hl7").write_bytes(oru(new, [Result(SCAN, 0.085, "mmol/L")]))
    (inbox / "city.xml").write_bytes(cda_biology(new, [Result(SCAN, 95)]))
    (inbox / "report.xml").write_bytes(cda_imaging(new, SCAN, act="ZBQH001", study=study, accession="ACC1"))
    rows = "".join(
        f"{n},{ipp},2024-05-{n + 1:02d},{60 + n}\n" for n, ipp in enumerate([new.ipp, "LOCAL-1"] * 3)
    )
    (inbox / "biology.csv").write_text("n,ipp,day,creatinine\n" + rows)
    return inbox


def needles(new: Someone) -> list[str]:
    """What tells of the patient in plain: their INS, their name, and some of their pixels."""
    pixels = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm")).PixelData
    return [new.ins, new.family, pixels[1000:1016].hex()]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_waited_comes_in_as_if_the_key_server_had_been_there(
    linked: Home,
    twin: Callable[[Home, str], Home],
    key_server: FarKeyServer,
    everything: Path,
    mapping: Path,
    new: Someone,
    content: Callable[[Home], Content],
    workers: int,
) -> None:
    pool = process_pool(workers) if workers > 1 else None
    away = ingest(linked, [everything], mapping=mapping, executor=pool)
    assert away.quarantined == 0 and away.reasons == {}
    assert away.read == away.accepted + away.parked
    assert away.accepted == 3 and away.parked == 10  # the other's two images, and three rows of the CSV file
    assert counted(linked).waiting.total() == away.parked + 1
    told = content(linked)
    assert {json.loads(row)["linked"] for row in told["person"]} <= {False}
    assert byte_search.find(linked.parked, needles(new)) == []
    shutil.rmtree(everything)  # nothing is needed but what the home keeps
    everything.mkdir()
    key_server.start()
    back = ingest(linked, [everything], executor=pool)
    assert back.resumed == away.parked + 1
    assert ParkingLot(linked).is_empty
    if pool is not None:
        pool.shutdown()
    assert len(content(linked)["person"]) == 2


def test_a_server_that_is_there_and_one_that_was_away_end_in_the_same_lake(
    linked: Home,
    twin: Callable[[Home, str], Home],
    key_server: FarKeyServer,
    everything: Path,
    mapping: Path,
    content: Callable[[Home], Content],
) -> None:
    undisturbed = twin(linked, "undisturbed")
    first = ingest(linked, [everything], mapping=mapping)
    ingest(linked, [everything], mapping=mapping)
    assert counted(linked).waiting.total() == first.parked + 1  # none of them twice
    key_server.start()
    resumed = resume(linked)
    assert (resumed.away, resumed.stuck, resumed.pieces) == (False, [], first.parked + 1)
    ingest(undisturbed, [everything], mapping=mapping)
    assert content(linked) == content(undisturbed)
    again = ingest(linked, [everything], mapping=mapping)
    assert (again.accepted, again.parked, again.quarantined) == (0, 0, 0)


def test_two_numbers_joined_while_it_was_away_are_one_person_afterwards(
    linked: Home,
    twin: Callable[[Home, str], Home],
    key_server: FarKeyServer,
    inbox: Path,
    write_image: Callable[..., Path],
    new: Someone,
    content: Callable[[Home], Content],
) -> None:
    retired = replace(new, ipp="F00999", ins="")
    (inbox / "a-merge.hl7").write_bytes(merge(replace(new, ins=""), retired))
    (inbox / "stay.hl7").write_bytes(admission(new, SCAN, stay="S1"))
    write_image("ct.dcm", patient=retired.ipp)
    undisturbed = twin(linked, "undisturbed")
    # The INS first, so that both numbers wait when they are joined.
    ingest(linked, [inbox / "stay.hl7"])
    assert ingest(linked, [inbox]).accepted == 0
    key_server.start()
    resume(linked)
    ingest(undisturbed, [inbox / "stay.hl7"])
    ingest(undisturbed, [inbox])
    assert content(linked) == content(undisturbed)
    assert len(content(linked)["person"]) == 1 and len(content(linked)["instance"]) == 1


# Does what its first words say to a home, and kills itself at the nth call of one function.
KILLED = """
import os, signal, sys
from importlib import import_module
from pathlib import Path
from federim.home import Home
from federim_pipelines.run import ingest

home, inbox, module, name, when, count = sys.argv[1:]
owner = import_module(module)
*outer, name = name.split(".")
for part in outer:
    owner = getattr(owner, part)
original, calls = getattr(owner, name), 0

def deadly(*arguments, **named):
    global calls
    calls += 1
    if when == "before" and calls == int(count):
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*arguments, **named)
    if when == "after" and calls == int(count):
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, name, deadly)
ingest(Home.open(Path(home)), [Path(inbox)])
"""


def rarely(*where: object) -> object:
    return pytest.param(where, marks=pytest.mark.full)


WHERE_PARKING_MAY_DIE = [
    rarely("federim_pipelines.parked.lot", "Bay.keep", "before", 1),
    ("federim_pipelines.parked.sealed", "_write", "after", 3),  # a piece begun
    rarely("federim_pipelines.parked.lot", "Bay.keep", "after", 2),
    rarely("federim_pipelines.intake", "Intake.finish", "before", 1),
]
WHERE_RESUMING_MAY_DIE = [
    rarely("federim.identity.exchange", "Exchange.learn_many", "after", 1),
    rarely("federim.identity.exchange", "Exchange.stop_waiting", "after", 1),
    ("federim_pipelines.batches", "_read", "after", 2),  # a piece open
    rarely("federim.lake.tables", "stage", "after", 1),
    ("federim_pipelines.parked.lot", "Bay.settle", "before", 1),
    rarely("federim_pipelines.parked.lot", "Bay.settle", "after", 2),
]


@pytest.fixture
def little(inbox: Path, write_image: Callable[..., Path], new: Someone) -> Path:
    """Two images, results and a stay of a new patient."""
    for number in range(2):
        write_image(f"{number}.dcm", patient=new.ipp, number=number)
    (inbox / "stay.hl7").write_bytes(admission(new, SCAN, stay="S1"))
    (inbox / "ward.json").write_bytes(fhir_bundle(new, [Result(SCAN, 80)]))
    return inbox


def die(home: Home, inbox: Path, *where: object) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(home.root), str(inbox), *map(str, where)],
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()


@pytest.mark.parametrize("where", WHERE_PARKING_MAY_DIE, ids=lambda where: "-".join(map(str, where[1:])))
def test_killed_while_it_parks_it_loses_nothing_and_leaves_nothing_in_plain(
    linked: Home,
    twin: Callable[[Home, str], Home],
    key_server: FarKeyServer,
    little: Path,
    new: Someone,
    content: Callable[[Home], Content],
    where: tuple[str, str, str, int],
) -> None:
    undisturbed = twin(linked, "undisturbed")
    die(linked, little, *where)
    assert byte_search.find(linked.root, needles(new)) == []
    assert ingest(linked, [little]).parked == 4
    assert counted(linked).waiting.total() == 4
    assert not list(linked.parked.rglob("*.part"))
    assert byte_search.find(linked.root, needles(new)) == []
    key_server.start()
    assert resume(linked).pieces == 4
    ingest(undisturbed, [little])
    assert content(linked) == content(undisturbed)


@pytest.mark.parametrize("where", WHERE_RESUMING_MAY_DIE, ids=lambda where: "-".join(map(str, where[1:])))
def test_killed_while_it_resumes_it_loses_nothing_and_doubles_nothing(
    linked: Home,
    twin: Callable[[Home, str], Home],
    key_server: FarKeyServer,
    little: Path,
    new: Someone,
    content: Callable[[Home], Content],
    where: tuple[str, str, str, int],
) -> None:
    undisturbed = twin(linked, "undisturbed")
    assert ingest(linked, [little]).parked == 4
    key_server.start()
    ingest(undisturbed, [little])
    shutil.rmtree(little)
    little.mkdir()
    die(linked, little, *where)
    assert byte_search.find(linked.root, needles(new)[:2]) == []  # the image itself may be in the lake
    ingest(linked, [little])
    assert ParkingLot(linked).is_empty
    assert [path.name for path in linked.staging.iterdir()] == ["writer.lock"]
    assert content(linked) == content(undisturbed)


def test_what_a_sender_stored_waits_encrypted_and_comes_in_without_another_word(
    linked: Home, key_server: FarKeyServer, little: Path, new: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(behind, "SECONDS_BETWEEN_RESUMPTIONS", 0.0)
    monkeypatch.setattr(behind, "SECONDS_BETWEEN_LOOKS", 0.0)
    spool, stopped = Spool(linked, "dicom"), threading.Event()
    for path in little.iterdir():
        with spool.writing(spool.named(path.name)) as file:
            file.write(path.read_bytes())
    runs: list[RunReport] = []

    def done(run: RunReport) -> None:
        runs.append(run)
        if len(runs) == 1:
            assert spool.waiting == spool.kept == []
            assert byte_search.find(linked.root, needles(new)) == []
            key_server.start()
        else:
            stopped.set()

    drain_behind(spool, Draining(), stopped, quiet=0, done=done, refused=lambda _: None)
    assert [(run.parked, run.accepted) for run in runs] == [(4, 0), (0, 4)]
    assert spool.waiting == spool.kept == []


def test_who_objects_while_they_wait_leaves_nothing_behind(
    linked: Home, key_server: FarKeyServer, little: Path, new: Someone
) -> None:
    assert ingest(linked, [little]).parked == 4
    with Rights.open(linked) as rights:
        rights.oppose(rights.find.by_ins(new.ins), actor="dpo")
    key_server.start()
    resumed = resume(linked)
    assert resumed.pieces == 4 and {*resumed.runs[0].reasons} == {Reason.OPPOSED}
    assert (resumed.runs[0].accepted, counted(linked).refused) == (0, 0)
    assert not [path for path in linked.parked.rglob("*") if path.is_file() and path.name != "terms"]


def test_nobody_waits_for_what_will_never_be_asked(
    linked: Home, key_server: FarKeyServer, inbox: Path, write_image: Callable[..., Path], new: Someone
) -> None:
    """An INS that was met and not kept: its manifest was not followed, or the disk with it was taken away."""
    with Exchange.open(linked) as exchange, pytest.raises(KeyServerAway):
        national = NationalId(oid=new.oid, value=Ins(new.ins), status=IdentityStatus.QUALIFIED)
        number = LocalId(issuer="", value=Ipp(new.ipp))
        exchange.learn(PatientIdentity(local=(number,), national=national))
    write_image("ct.dcm", patient=new.ipp)
    assert ingest(linked, [inbox]).parked == 1
    key_server.start()
    assert resume(linked).runs[0].accepted == 1


def test_a_quota_that_is_used_up_parks_the_others(
    make_home: Callable[..., Home], key_server: FarKeyServer, inbox: Path
) -> None:
    home = make_home("small", **key_server.settings("small", per_day=10, per_minute=10, ceiling=10))
    first, other = Someone.born(1951, 1, 102), Someone.born(1952, 2, 103)
    key_server.start()
    for someone in (first, other):
        (inbox / f"{someone.ipp}.hl7").write_bytes(admission(someone, SCAN, stay=someone.ipp))
        report = ingest(home, [inbox])
    key_server.stop()
    assert (report.duplicates, report.parked) == (1, 1)
    assert resume(home).away and counted(home).waiting.total() == 1


def test_the_command_says_what_waits_and_why(
    linked: Home, key_server: FarKeyServer, little: Path, new: Someone
) -> None:
    def federim(*words: str | Path) -> Told:
        return CliRunner().invoke(app, ["--home", str(linked.root), *map(str, words)])

    told = federim("ingest", little, "--workers", "1")
    assert told.exit_code == 0 and "4 parked, encrypted" in told.stdout
    listed = json.loads(federim("parked", "list", "--json").stdout)
    assert listed["waiting"] == {"fhir": 1, "folder": 2, "hl7v2": 1}
    assert "2 folder pieces wait" in federim("parked", "list").stdout
    with pytest.raises(KeyServerAway, match="everything parked waits still"):
        raise federim("parked", "resume").exception or AssertionError
    key_server.start()
    resumed = json.loads(federim("parked", "resume", "--json", "--workers", "1").stdout)
    assert {word: resumed[word] for word in ("pieces", "accepted", "quarantined", "away", "not_read")} == {
        "pieces": 4,
        "accepted": 4,
        "quarantined": 0,
        "away": False,
        "not_read": [],
    }
    assert "Nothing waits" in federim("parked", "list").stdout
