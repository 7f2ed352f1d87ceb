"""`federim keyserver` makes, lists, runs, rotates and closes; a site follows it by its settings alone."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from consortium_paper import Authority
from typer.testing import CliRunner

from federim.cli.main import app
from federim.home import Home
from federim.identity.exchange import Exchange
from federim.identity.keyserver.serve import Listening, listening
from federim.model.errors import HomeError, IdentityError, InputError, UnknownName
from federim.model.identifiers import PatientIdentity
from federim.trust.roots import TrustKind

FEDERIM = Path(sys.executable).with_name("federim")


def keyserver(*words: str | Path) -> Any:
    """What `federim keyserver` answers."""
    done = CliRunner().invoke(app, ["keyserver", *map(str, words), "--json"])
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout)


@contextmanager
def running(folder: Path, authority: Authority) -> Iterator[str]:
    """A key server in a process of its own, ended by SIGTERM; its address."""
    own = authority.paper("key-server")
    words = ["--certificate", own.certificate, "--key", own.key, "--ca", authority.certificate, "--port", "0"]
    command = [FEDERIM, "keyserver", "serve", folder, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = re.search(r"listening on (\S+) port (\d+)", process.stderr.readline())
        assert told is not None
        try:
            yield f"https://{told[1]}:{told[2]}"
        finally:
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert re.search(r"epoch +\d+ open", out)


def test_a_consortium_from_its_first_key_to_its_second(
    tmp_path: Path, make_site: Callable[..., Home], patient: Callable[..., PatientIdentity]
) -> None:
    folder, authority = tmp_path / "key-server", Authority(tmp_path / "paper")
    public = keyserver("generate-key", folder)["public"]
    paper = authority.paper("alpha")
    keyserver("sites", "add", folder, "alpha", paper.certificate, "--patients", "50000")
    with running(folder, authority) as url:
        home = make_site(
            key_server=url,
            key_server_ca=str(authority.certificate),
            key_server_certificate=str(paper.certificate),
            key_server_key=str(paper.key),
            key_server_public=public,
        )
        with Exchange.open(home) as exchange:
            subject = exchange.learn(patient("IPP-1"))
        second = keyserver("rotate", folder)
        home.trust("keys", second["public"], TrustKind.KEY_SERVER)
        with Exchange.open(home) as exchange:
            assert exchange.reevaluate().ready == 1
        assert keyserver("close", folder, "1")["closed"] == 1
        with Exchange.open(home) as exchange:
            assert exchange.learn(patient("IPP-1")) == subject
            assert exchange.learn(patient("IPP-2", matricule="1850520041234")).linked
        shown = keyserver("show", folder)
    assert shown["open"] == {"2": second["public"]}
    assert shown["closed"] == {"1": public}
    assert [(one["site"], one["epoch"]) for one in shown["points"]] == [("alpha", 1), ("alpha", 2)]
    assert shown["alarms"] == []


def test_a_key_server_is_made_in_an_empty_folder_alone(tmp_path: Path) -> None:
    keyserver("generate-key", tmp_path / "one")
    with pytest.raises(HomeError, match="not an empty folder"):
        keyserver("generate-key", tmp_path / "one")


def test_one_key_for_one_machine_is_made_at_once(tmp_path: Path) -> None:
    assert keyserver("--generate-key", tmp_path / "oprf.key") == {"key": str(tmp_path / "oprf.key")}
    assert len((tmp_path / "oprf.key").read_bytes()) == 32
    with pytest.raises(IdentityError, match="never replaced"):
        keyserver("--generate-key", tmp_path / "oprf.key")


def test_alone_it_says_what_it_can_do() -> None:
    done = CliRunner().invoke(app, ["keyserver"])
    assert done.exit_code == 0
    assert all(word in done.stdout for word in ("generate-key", "serve", "sites", "rotate", "close", "show"))


def test_sites_are_added_renewed_and_removed(tmp_path: Path) -> None:
    folder, authority = tmp_path / "key-server", Authority(tmp_path / "paper")
    keyserver("generate-key", folder)
    first, second = authority.paper("first"), authority.paper("second")
    added = keyserver("sites", "add", folder, "alpha", first.certificate, "--patients", "400000")
    assert (added["per_minute"], added["per_day"], added["ceiling"]) == (10_000, 100_000, 1_610_000)
    words = ("--patients", "400000", "--per-day", "50000", "--ceiling", "900000")
    renewed = keyserver("sites", "add", folder, "alpha", second.certificate, *words)
    assert len(renewed["certificates"]) == 2
    assert (renewed["per_day"], renewed["ceiling"]) == (50_000, 900_000)
    with pytest.raises(InputError, match="already alpha's"):
        keyserver("sites", "add", folder, "beta", second.certificate, "--patients", "10")
    assert [site["name"] for site in keyserver("sites", "list", folder)["sites"]] == ["alpha"]
    with pytest.raises(UnknownName, match="did you mean 'alpha'"):
        keyserver("sites", "remove", folder, "alhpa")
    keyserver("sites", "remove", folder, "alpha")
    assert keyserver("sites", "list", folder)["sites"] == []


@pytest.mark.parametrize(
    "content", ["", "no PEM", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"]
)
def test_what_is_no_certificate_is_not_added(tmp_path: Path, content: str) -> None:
    keyserver("generate-key", tmp_path / "key-server")
    (tmp_path / "site.pem").write_text(content)
    with pytest.raises(InputError, match="expected a PEM certificate"):
        keyserver("sites", "add", tmp_path / "key-server", "alpha", tmp_path / "site.pem", "--patients", "10")


@pytest.mark.parametrize("content", ["", "[]", '{"alpha": {}}', '{"alpha": {"certificates": 1}}'])
def test_a_damaged_list_lets_nobody_in_and_is_not_overwritten(tmp_path: Path, content: str) -> None:
    folder, authority = tmp_path / "key-server", Authority(tmp_path / "paper")
    keyserver("generate-key", folder)
    (folder / "sites.json").write_text(content)
    with pytest.raises(InputError, match="not a list of sites"):
        keyserver("sites", "add", folder, "alpha", authority.paper("alpha").certificate, "--patients", "10")
    assert (folder / "sites.json").read_text() == content


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    for words in (("show",), ("rotate",)):
        with pytest.raises((HomeError, IdentityError), match="federim keyserver generate-key"):
            keyserver(*words, tmp_path / "elsewhere")


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    folder, authority = tmp_path / "key-server", Authority(tmp_path / "paper")
    keyserver("generate-key", folder)
    own = authority.paper("key-server")

    def where(port: int) -> Listening:
        return Listening(
            host="127.0.0.1",
            port=port,
            certificate=own.certificate,
            key=own.key,
            authority=authority.certificate,
        )

    with (
        listening(folder, where(0)) as first,
        pytest.raises(InputError, match=f"cannot listen on 127.0.0.1 port {first.port}"),
        listening(folder, where(first.port)),
    ):
        pass
