"""Every command is run on made-up identities: neither what it says nor what it leaves in a home holds one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import click
import pydicom
import pytest
from byte_search import find
from clinical_messages import admission
from hospital_that_forgets import OFFICER, Hospital, build, image_of, people
from pynetdicom import AE
from typer.main import get_command

from federim.cli import main
from federim.database import migrate
from federim.governance.members import enrol
from federim.home import Home, Role
from federim.lake.reader import connect_home, query
from federim.model.export import MemberRole
from federim.trust.roots import TrustKind
from federim_pipelines.sources.web.server import Server

WHO, ANOTHER, THIRD = people()[:3]
CANARIES = sorted({each for one in people() for each in (one.ins, one.ipp, one.family)})

# The hub's commands and the site's, in an order in which each has something to work on. {words} are of
# `places`; a command may stand more than once. Some are given what is wrong, as people do.
COMMANDS: list[tuple[str, str]] = [
    ("init", "{new} --role site --name new"),
    ("ins check", "{ins}"),
    ("ins check", "{ins}9"),
    ("ins check", "{ipp}"),
    ("ingest", "{inbox}"),
    ("ingest", "{inbox} --issuer {name}"),
    ("run list", ""),
    ("run show", ""),
    ("run show", "{name}"),
    ("quarantine list", ""),
    ("quarantine locate", "{inbox}"),
    ("parked list", ""),
    ("parked resume", ""),
    ("lake tables", ""),
    ("lake dictionary", ""),
    ("lake check", ""),
    ("lake stats", ""),
    ("lake optimize", ""),
    ("lake vacuum", "--older-than 0"),
    ("sql", "SELECT*FROM/**/person"),
    ("sql", "SELECT*FROM/**/person/**/WHERE/**/'{ins}'=1"),
    ("sql", "SELECT/**/{ipp}/**/FROM"),
    ("vocabulary load", "{inbox}"),
    ("vocabulary show", ""),
    ("deidentify IN OUT", "{inbox} {out}"),
    ("deidentify review", ""),
    ("images held", ""),
    ("images export", "{series} --to {exported}"),
    ("images replace", "{exported}"),
    ("images export", "{ipp} --to {nowhere}"),
    ("annotate", "{series} {finding} --originals {inbox} --to {annotated}"),
    ("pull pacs", "PACS@127.0.0.1:9 --query StudyDate=20240520"),
    ("pull pacs", "PACS@127.0.0.1:9 --query PatientID={ipp}"),
    ("pull dicomweb", "http://127.0.0.1:9/{ipp} --query StudyDate=20240520"),
    ("pull fhir", "http://127.0.0.1:9"),
    ("pull drimbox", "{image} --dry-run"),
    ("pull sources", "{finding} --to {listed}"),
    ("retention list", ""),
    ("retention review", "lake --keep-until 2030-01-01 --reason needed --as olga"),
    ("purge", "--dry-run --as olga"),
    ("vault info", ""),
    ("vault check", ""),
    ("vault backup", "{backup}"),
    ("vault restore", "{backup}"),
    ("vault rotate-key", ""),
    ("vault reevaluate", ""),
    ("vault relink", ""),
    ("cohort list", ""),
    ("cohort show", "everyone"),
    ("cohort count", "everyone"),
    ("cohort attrition", "everyone --lang fr"),
    ("cohort sql", "everyone"),
    ("cohort freeze", "everyone"),
    ("cohort freeze", "{name}"),
    ("export list", ""),
    ("export diagram", ""),
    ("export show", "{name}"),
    ("export verify", "{release}"),
    ("export request", "{finding} --as ada"),
    *((f"export {verb}", "{name} --as carl") for verb in ("submit", "withdraw", "decide", "meet-conditions")),
    *((f"export {verb}", "{name} --as carl") for verb in ("revoke", "expire")),
    ("export review", "{name} --as carl --due 2026-12-01"),
    ("export recuse", "{name} --as mia --reason friend"),
    ("export vote", "{name} approve --as mia --reason good"),
    ("export assess", "{name} --as olga"),
    ("export release", "{name} --as olga"),
    ("export record", "{finding} --as olga"),
    ("member list", ""),
    ("member add", "rita --role reidentifier --as carl"),
    ("reidentify ask", "--pseudonym {ipp} --ticket T1 --ground incidental-finding --as rita"),
    ("reidentify list", ""),
    ("reidentify agree", "1 --as rita"),
    ("reidentify refuse", "1 --as rita"),
    ("reidentify open", "1 --pseudonym {ipp} --as rita"),
    ("subject report", "--ins {ins} --as olga"),
    ("subject report", "--ipp {ipp} --as olga --json"),
    ("forget", "--ins {ins} --as olga"),
    ("forget", "--ipp {another} --project crp-study --as olga --json"),
    ("forget", "--ipp {third} --issuer {another} --as olga"),
    ("forget", "--pseudonym {ipp} --as olga"),
    ("ingest", "{inbox}"),
    ("restore", "--ins {ins} --as olga"),
    ("restore", "--ipp {ipp} --issuer {name} --as olga"),
    ("subject report", "--ins {ins}9 --as olga"),
    ("notices list", ""),
    ("notices send", "{carried}"),
    ("notices take", "{carried} --as olga"),
    ("notices take", "{finding} --as olga"),
    ("audit list", ""),
    ("audit verify", ""),
    ("trust list", ""),
    ("trust add", "{name} 00"),
    ("trust revoke", "nobody --reason lost"),
    ("trust export", "--out {bundle}"),
    ("trust import", "{finding}"),
    ("trust rotate", ""),
    ("project list", ""),
    ("project install", "{finding} --as olga"),
    ("workspace build", "lesions --snapshot everyone --to {new} --as olga"),
    ("workspace list", ""),
    ("workspace show", ""),
    ("workspace settle", "--as olga"),
    ("workspace remove", "{name} --as olga"),
    ("federated countersign", "{finding} --as olga"),
    ("federated cache show", ""),
    ("federated cache fill", "{finding}"),
    ("federated cache clear", ""),
    ("keyserver generate-key", "{keys}"),
    ("keyserver show", "{keys}"),
    ("keyserver rotate", "{keys}"),
    ("keyserver close", "{keys} 1"),
    ("keyserver sites list", "{keys}"),
    ("keyserver sites add", "{keys} alpha {finding} --patients 1000"),
    ("keyserver sites remove", "{keys} {name}"),
    ("keyserver serve", "{keys} --certificate {finding} --key {finding} --ca {finding}"),
]
AT_THE_HUB: list[tuple[str, str]] = [
    ("notices take", "{carried}"),
    ("notices list", ""),
    ("federated plan", "{finding}"),
    ("federated sign", "{name} --as carl"),
    ("federated run", "{name} --as carl --site {home}"),
    ("federated report", "{name}"),
    ("federated models", ""),
    ("federated retire", "{name} --reason no --as carl"),
    ("federated keep", "{name} --reason yes --as carl"),
    ("project create", "lesions --as carl"),
    ("project seal", "lesions --site {name} --out {listed} --as carl"),
]
# They are started as processes below; and the demonstration makes its own people.
SERVERS = {"receive", "listen"}
WITHOUT_INPUT = {"demo"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home.create(tmp_path_factory.mktemp("hub") / "hub", role=Role.HUB, name="hub")
    migrate(home)
    enrol(home, "carl", "carl", [MemberRole.COORDINATOR])
    return home


@pytest.fixture(scope="module")
def hospital(hub: Home, tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    folder = tmp_path_factory.mktemp("canaries")
    peer = Home.create(folder / "beta", role=Role.SITE, name="beta")
    made = build(folder, peers=(hub, peer))
    hub.trust("alpha", made.home.own_key.public, TrustKind.SITE, sealing=made.home.own_key.sealing)
    return made


@pytest.fixture
def places(hospital: Hospital, tmp_path: Path) -> dict[str, str]:
    """What the words of the commands stand for."""
    (tmp_path / "finding.toml").write_text('[algorithm]\nname = "none"\n')
    with connect_home(hospital.home) as connection:
        found = query(connection, 'SELECT min("SeriesInstanceUID") AS uid FROM image_occurrence', seconds=20)
    outside = (
        "new",
        "out",
        "exported",
        "nowhere",
        "annotated",
        "listed",
        "backup",
        "carried",
        "bundle",
        "keys",
        "new",
    )
    return {
        "home": str(hospital.home.root),
        "inbox": str(hospital.inbox),
        "image": str(hospital.told(WHO) / "1.dcm"),
        "release": str(hospital.release),
        "series": found["uid"][0].as_py(),
        "finding": str(tmp_path / "finding.toml"),
        # Of a run, request, site … that there is not: what is typed in the place of a name is repeated.
        "name": "nothing",
        "ins": WHO.ins,
        "ipp": WHO.ipp,
        "another": ANOTHER.ipp,
        "third": THIRD.ipp,
        **{name: str(tmp_path / name) for name in outside},
    }


def commands() -> set[str]:
    """Every command there is."""

    def walk(command: click.Command, words: tuple[str, ...], context: click.Context) -> Iterator[str]:
        if not isinstance(command, click.Group):
            yield " ".join(words)
            return
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from walk(below, (*words, name), context)

    front = get_command(main.app)
    return set(walk(front, (), click.Context(front)))


def test_every_command_is_run() -> None:
    run = {name for name, _ in (*COMMANDS, *AT_THE_HUB)}
    assert commands() == run | SERVERS | WITHOUT_INPUT


def test_no_command_says_or_leaves_who_a_patient_is(
    hospital: Hospital,
    hub: Home,
    places: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    temporary, said = tmp_path / "tmp", tmp_path / "said"
    temporary.mkdir()
    said.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setitem(Server.__init__.__kwdefaults__, "pauses", ())  # nobody answers at port 9
    monkeypatch.setenv("COLUMNS", "500")  # a value must not hide in a line's end
    for number, (home, (name, words)) in enumerate(
        [*((hospital.home, each) for each in COMMANDS), *((hub, each) for each in AT_THE_HUB)]
    ):
        command = name.removesuffix(" IN OUT").split()
        given = [word.format(**places).replace("/**/", " ") for word in words.split()]
        monkeypatch.setattr(sys, "argv", ["federim", "--home", str(home.root), *command, *given])
        with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
            main.run()
        out, err = capfd.readouterr()
        assert ended.value.code != main.BUG_EXIT_CODE, (name, words, err)
        (said / f"{number:03} {name.replace(' ', '-')}.txt").write_text(f"{out}\n{err}")
    # A parser's complaint repeats a word of the command line, which whoever typed it has before them.
    assert [(hit.path, hit.form) for hit in find(said, CANARIES)] == []
    for folder in (hospital.home.root, hub.root, temporary):
        assert [(hit.path, hit.form, hit.where) for hit in find(folder, CANARIES)] == []
    for name in ("out", "exported", "backup", "carried", "bundle", "keys", "new"):
        assert [
            (hit.path, hit.form)
            for hit in find(Path(places[name]).parent, CANARIES, beside=("annotated",))
            if hit.path.startswith(name)
        ] == []


@pytest.mark.parametrize("command", sorted(SERVERS))
def test_no_listener_says_or_leaves_who_a_patient_is(
    hospital: Hospital, tmp_path: Path, command: str
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["--port", str(port), "--quiet", "0", "--json", "--as", OFFICER]
    words += ["--aet", "FEDERIM"] if command == "receive" else []
    process = subprocess.Popen(
        [Path(sys.executable).with_name("federim"), "--home", hospital.home.root, command, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        assert process.stderr is not None
        ready = process.stderr.readline()
        {"listen": _send_message, "receive": _send_image}[command](port, tmp_path)
        while "accepted" not in (line := process.stderr.readline()):
            assert line, "it ended before it read what came"
            ready += line
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    (tmp_path / "said").mkdir()
    (tmp_path / "said/all.txt").write_text(ready + line + out + err)
    assert find(tmp_path / "said", CANARIES) == []
    assert [(hit.path, hit.form, hit.where) for hit in find(hospital.home.root, CANARIES)] == []


def _send_message(port: int, _: Path) -> None:
    import datetime as dt

    with socket.create_connection(("127.0.0.1", port)) as sender:
        message = admission(ANOTHER, dt.datetime(2024, 6, 2, 9), stay="S77")
        sender.sendall(b"\x0b" + message + b"\x1c\r")
        assert sender.recv(4096)


def _send_image(port: int, folder: Path) -> None:
    image = pydicom.dcmread(image_of(folder / "sent" / "image.dcm", ANOTHER, 7))
    sender = AE(ae_title="SCANNER")
    sender.add_requested_context(image.SOPClassUID, image.file_meta.TransferSyntaxUID)
    association = sender.associate("127.0.0.1", port, ae_title="FEDERIM")
    assert association.is_established
    assert association.send_c_store(image).Status == 0
    association.release()
    (folder / "sent" / "image.dcm").unlink()
