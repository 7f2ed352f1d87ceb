"""Read PS3.15 Table E.1-1: what each profile and option does to each attribute."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

PRIVATE = "PRIVATE"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table. Codes are the Standard's: X, Z, D, K, C, U and compounds such as X/Z/D."""

    tag: str  # 8 hexadecimal digits, `x` for any digit of a repeating group, or PRIVATE
    name: str
    basic: str
    options: Mapping[str, str]  # option → code

    @property
    def is_one_attribute(self) -> bool:
        """Whether the rule speaks of one attribute: neither a repeating group nor all private ones."""
        return not self.repeating and self.tag != PRIVATE

    @property
    def repeating(self) -> bool:
        """Whether the rule speaks of a repeating group (50xx curves, 60xx overlays)."""
        return "x" in self.tag


@dataclass(frozen=True, slots=True)
class Table:
    """The whole table of one edition."""

    edition: str
    attribution: str
    rules: tuple[Rule, ...]

    @property
    def options(self) -> frozenset[str]:
        """Every option that has a column."""
        return frozenset(option for rule in self.rules for option in rule.options)


@cache
def digest() -> str:
    """The sha256 of all tables shipped with Federim, 64 hexadecimal digits."""
    code = hashlib.sha256()
    folder = resources.files("federim_pipelines.deidentify.standard")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith((".json", ".tsv")):
            code.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return code.hexdigest()


@cache
def profile_table() -> Table:
    """Table E.1-1 of the edition shipped with Federim.

    References
    ----------
    DICOM PS3.15 2026d, Annex E, Table E.1-1.
    """
    file = resources.files("federim_pipelines.deidentify.standard") / "ps315_2026d.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    return Table(
        edition=document["source"]["edition"],
        attribution=document["source"]["attribution"],
        rules=tuple(
            Rule(tag=rule["tag"], name=rule["name"], basic=rule["basic"], options=rule["options"])
            for rule in document["rules"]
        ),
    )


@cache
def tables_digest() -> str:
    """SHA-256 of every table of the Standard shipped with Federim, hexadecimal."""
    folder = resources.files("federim_pipelines.deidentify.standard")
    files = sorted((file for file in folder.iterdir() if file.name.endswith((".json", ".tsv"))), key=str)
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
