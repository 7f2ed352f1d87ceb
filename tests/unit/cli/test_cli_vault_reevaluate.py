"""`federim vault reevaluate` follows the key server, and the trail says how many persons it asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner

from federim.audit.trail import events
from federim.cli.main import app
from federim.home import Home
from federim.identity import ins
from federim.identity.exchange import Exchange
from federim.identity.keyserver.epochs import EpochFolder
from federim.identity.keyserver.founding import found
from federim.model.identifiers import IdentityStatus, NationalId, PatientIdentity

MATRICULES = ("2790351215189", "1850520041234")


def reevaluated(home: Home) -> dict[str, int]:
    done = CliRunner().invoke(app, ["--home", str(home.root), "vault", "reevaluate", "--as", "ada", "--json"])
    assert done.exit_code == 0, done.output
    told: dict[str, int] = json.loads(done.stdout)
    return told


def test_every_linked_person_is_asked_for_once(make_home: Callable[..., Home], tmp_path: Path) -> None:
    found(tmp_path / "key-server")
    home = make_home(key_server=f"embedded:{tmp_path / 'key-server'}")
    with Exchange.open(home) as exchange:
        for matricule in MATRICULES:
            value = ins.with_key(matricule)
            national = NationalId(oid=ins.NIR, value=value, status=IdentityStatus.QUALIFIED)
            assert exchange.learn(PatientIdentity(national=national)).linked
    EpochFolder(tmp_path / "key-server").open_next()
    assert reevaluated(home) == {"epoch": 2, "evaluated": 2, "ready": 2}
    assert reevaluated(home) == {"epoch": 2, "evaluated": 0, "ready": 2}
    told = [(event.actor, event.detail) for event in events(home) if event.act == "vault.reevaluate"]
    assert sorted(told, key=str) == [
        ("ada", {"epoch": 2, "persons": 0}),
        ("ada", {"epoch": 2, "persons": 2}),
    ]
