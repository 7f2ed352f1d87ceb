"""The other tools, each in a place of its own, and how each is told to de-identify a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "federim-bench"

FEDERIM = Path(sys.executable).with_name("federim")


@dataclass(frozen=True)
class Tool:
    """A command that reads a folder and writes another.

    `slow` ones are given fewer files, in one flat folder. `makes_folder` says whether it makes the folder it
    writes to, `one_to_one` whether it writes a file for each it reads and nothing else.
    """

    name: str
    command: Callable[[Path, Path], list[str | Path]]
    slow: bool = False
    makes_folder: bool = True
    one_to_one: bool = True


COPY = Tool("cp -r", lambda source, target: ["cp", "-r", source, target])
OURS = Tool(
    "federim deidentify",
    lambda source, target: [FEDERIM, "deidentify", source, target, "--policy", "research", "--json"],
)
OURS_TWICE = Tool(
    "federim deidentify --workers 2",
    lambda source, target: [*OURS.command(source, target), "--workers", "2"],
)


def peers() -> list[Tool]:
    """Those that can be had here; a line on the terminal for each that cannot."""
    found = []
    for name, make in (
        ("gdcmanon -e", _gdcmanon),
        ("dicognito", _dicognito),
        ("dicom-anonymizer", _dicom_anonymizer),
    ):
        try:
            found.append(make(name))
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{name} is left out: {error}")
    return found


def python_of(package: str) -> Path:
    """The Python of a virtual environment that holds one package of PyPI; made on first use."""
    place = CACHE / package
    python = place / "bin" / "python"
    if not (place / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", package]
        subprocess.run(pip, check=True)
        (place / ".installed").touch()
    return python


def _gdcmanon(name: str) -> Tool:
    if shutil.which("gdcmanon") is None:
        raise FileNotFoundError("apt-get install libgdcm-tools")
    # It encrypts the original values into each file, for which it wants a certificate.
    CACHE.mkdir(parents=True, exist_ok=True)
    certificate, key = CACHE / "certificate.pem", CACHE / "key.pem"
    if not certificate.exists():
        make = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=bench"]
        subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return Tool(
        name,
        lambda source, target: ["gdcmanon", "-e", "-r", "-c", certificate, "-i", source, "-o", target],
    )


def _dicognito(name: str) -> Tool:
    python = python_of("dicognito")
    return Tool(
        name,
        lambda source, target: [python, "-m", "dicognito", "--quiet", "-o", target, source],
        slow=True,
    )


def _dicom_anonymizer(name: str) -> Tool:
    program = python_of("dicom-anonymizer").with_name("dicom-anonymizer")
    return Tool(name, lambda source, target: [program, source, target], slow=True, makes_folder=False)
