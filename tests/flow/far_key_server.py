"""A key server in a process of its own, which goes away and comes back at the same address."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "unit/identity/keyserver"))
from consortium_paper import Authority

from federim.identity.keyserver.founding import found
from federim.identity.keyserver.sites import Site, SiteList, fingerprint_of

_LISTENING = re.compile(r"listening on (\S+) port (\d+)")


class FarKeyServer:
    """Down until `start`. It says nothing of a patient, and is ended by its own process id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "key-server"
        self._authority = Authority(folder / "paper")
        self._paper = self._authority.paper("key-server")
        self._public = found(self._folder).public
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self.start()  # to learn which port is free
        self.stop()

    def settings(self, site: str, *, patients: int = 100_000, **limits: int) -> dict[str, str]:
        """What a site on its list has in its federim.toml."""
        paper = self._authority.paper(site)
        SiteList(self._folder).add(Site.of_size(site, patients, **limits), fingerprint_of(paper.certificate))
        return {
            "key_server": f"https://127.0.0.1:{self._port}",
            "key_server_ca": str(self._authority.certificate),
            "key_server_certificate": str(paper.certificate),
            "key_server_key": str(paper.key),
            "key_server_public": self._public.hex(),
        }

    def start(self) -> None:
        """Answer from now on."""
        words = ["keyserver", "serve", str(self._folder), "--port", str(self._port)]
        words += ["--certificate", str(self._paper.certificate), "--key", str(self._paper.key)]
        words += ["--ca", str(self._authority.certificate)]
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from federim.cli.main import run; run()", *words],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        said = ""
        for line in self._process.stderr:
            said += line
            if told := _LISTENING.search(line):
                self._port = int(told[2])
                return
        self.stop()
        raise AssertionError(said)

    def stop(self) -> None:
        """Be away from now on."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate(timeout=60)
            self._process = None
