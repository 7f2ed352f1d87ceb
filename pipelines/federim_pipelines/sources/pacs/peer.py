"""Name a DICOM application on the network, and say how it is reached."""

from __future__ import annotations

import re
from dataclasses import dataclass

from federim.model.errors import InputError

_PEER = re.compile(r"(?P<aet>[^@]+)@(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^@:\[\]]+)):(?P<port>[0-9]{1,5})")
_AET = re.compile(r"[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?")


@dataclass(frozen=True, slots=True)
class Peer:
    """An application entity: its title, and the host and port where it listens."""

    aet: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Peer:
        """Read `AET@host:port`; an IPv6 address stands in brackets.

        Raises
        ------
        InputError
            It is written otherwise.
        """
        match = _PEER.fullmatch(text.strip())
        if match is None or not 0 < int(match["port"]) < 65536:
            raise InputError(f"{text!r}: expected AET@host:port, such as PACS@192.0.2.10:104")
        return cls(application_title(match["aet"]), match["v6"] or match["host"], int(match["port"]))

    def __str__(self) -> str:
        return f"{self.aet}@{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def application_title(text: str) -> str:
    """An AE title: 1 to 16 characters of ASCII, without backslash, spaces at either end not counting.

    Raises
    ------
    InputError
        It is no such title.

    References
    ----------
    DICOM PS3.5, 6.2 (AE).
    """
    title = text.strip(" ")
    if not _AET.fullmatch(title):
        raise InputError(f"AE title {text!r}: expected 1 to 16 ASCII characters, none of them a backslash")
    return title
