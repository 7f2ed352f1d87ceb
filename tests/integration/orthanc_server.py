"""What tests need to know of an Orthanc that runs on loopback."""

from __future__ import annotations

import json
import socket
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ORTHANC = Path("/usr/sbin/Orthanc")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc and its REST address."""

    url: str

    def call(self, path: str, body: bytes | None = None) -> Any:
        """The JSON answer of one REST call; POST where there is a body."""
        request = urllib.request.Request(f"{self.url}{path}", data=body)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)
