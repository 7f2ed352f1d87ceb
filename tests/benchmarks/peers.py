"""The tools measured: Federim, the floor `cp -r`, and its peers, each a whole process on a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "federim-bench"
FEDERIM: Final = Path(sys.executable).with_name("federim")


@dataclass(frozen=True)
class Tool:
    """A command that fills the folder `out` from the folder `source`.

    A `slow` tool is given a sample of the files, in one folder, and its time is scaled by the file.
    `makes_target` says whether it makes `out` itself.
    """

    name: str
    command: Callable[[Path, Path], list[str | Path]]
    slow: bool = False
    makes_target: bool = True

    def run(self, source: Path, out: Path) -> None:
        """Run it; `CalledProcessError` where it fails."""
        if not self.makes_target:
            out.mkdir()
        subprocess.run(self.command(source, out), check=True, capture_output=True)


def copy() -> Tool:
    """The floor."""
    return Tool("cp -r", lambda source, out: ["cp", "-r", source, out])


def federim(workers: int = 1) -> Tool:
    """Policy research, every output proven, whether or not one asks."""
    name = "federim deidentify" if workers == 1 else f"federim deidentify --workers {workers}"
    return Tool(
        name,
        lambda source, out: [FEDERIM, "deidentify", source, out, "--workers", str(workers), "--json"],
    )


def peers() -> tuple[list[Tool], list[str]]:
    """Those at hand, and a line on each that is not."""
    found, absent = [], []
    for make in (_gdcmanon, _dicognito, _dicom_anonymizer):
        try:
            found.append(make())
        except _Absent as why:
            absent.append(str(why))
    return found, absent


class _Absent(Exception):
    """A peer that cannot be had here, and what would bring it."""


def _gdcmanon() -> Tool:
    """GDCM's anonymiser in C++, the Basic Profile; it encrypts what it removes for a certificate."""
    if not shutil.which("gdcmanon"):
        raise _Absent("gdcmanon -e is not here: apt-get install libgdcm-tools")
    if not shutil.which("openssl"):
        raise _Absent("gdcmanon -e needs a certificate, and openssl is not here: apt-get install openssl")
    CACHE.mkdir(parents=True, exist_ok=True)
    certificate = CACHE / "certificate.pem"
    if not certificate.exists():
        made = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=bench",
            "-days",
            "9999",
        ]
        subprocess.run(
            [*made, "-keyout", CACHE / "key.pem", "-out", certificate], check=True, capture_output=True
        )
    return Tool(
        "gdcmanon -e",
        lambda source, out: ["gdcmanon", "-e", "-r", "-c", certificate, "-i", source, "-o", out],
    )


def _dicognito() -> Tool:
    python = _installed("dicognito")
    return Tool(
        "dicognito",
        lambda source, out: [python, "-m", "dicognito", "--quiet", "-o", out, source],
        slow=True,
    )


def _dicom_anonymizer() -> Tool:
    program = _installed("dicom-anonymizer").with_name("dicom-anonymizer")
    return Tool("dicom-anonymizer", lambda source, out: [program, source, out], slow=True, makes_target=False)


def _installed(package: str) -> Path:
    """The interpreter of a virtual environment that holds a package and what it needs, made once."""
    place = CACHE / package
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
        asked = subprocess.run([python, "-m", "pip", "install", "-q", package], capture_output=True)
        if asked.returncode:
            raise _Absent(f"{package} is not here, and pip cannot bring it")
        (place / "complete").touch()
    return python
