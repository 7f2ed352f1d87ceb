"""Prove a folder tree that was written before, against the one it was made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from federim.model.errors import InputError
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.proof import Prover
from federim_pipelines.deidentify.proof.headers import header_of
from federim_pipelines.deidentify.tree.names import Names
from federim_pipelines.deidentify.tree.walk import chunks


@dataclass(slots=True)
class TreeProof:
    """What the proof found in a tree. `unpaired` files are those of which it does not know the original."""

    checked: int = 0
    unpaired: int = 0
    hits: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)  # (place in the tree, kinds)

    def as_json(self) -> dict[str, Any]:
        """The report as the documented JSON document."""
        return {
            "proof": {"checked": self.checked, "hits": len(self.hits)},
            "unpaired": self.unpaired,
            "found": [{"file": place, "kinds": list(kinds)} for place, kinds in self.hits],
        }


def prove_tree(
    source: Path, target: Path, *, key: bytes, policy: str, dispositions: Path | None
) -> TreeProof:
    """Search the files of `target` for the identifying values of those of `source`; nothing is written.

    Parameters
    ----------
    key : bytes, 32
        Of the run that wrote `target`: names that were replaced are known by it.

    Raises
    ------
    InputError
        A folder is missing, or the policy cannot be used.
    """
    for folder in (source, target):
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder; expected the IN and the OUT of a former run")
    prover = Prover.under(load_policy(policy, dispositions=dispositions))
    names, report = Names(key), TreeProof()
    left = {f"{each.folder}/{name}".lstrip("/") for each in chunks(str(target)) for name in each.names}
    for chunk in chunks(str(source)):
        for name in chunk.names:
            places = (names.neutral(chunk.folder, name), names.keyed(chunk.folder, name))
            place = next((each for each in places if each in left), None)
            if place is None:
                continue
            left.discard(place)
            original = header_of((source / chunk.folder / name).read_bytes())
            found = prover.check(original, header_of((target / place).read_bytes()), place)
            report.checked += 1
            if found:
                report.hits.append((place, found))
    report.unpaired = len(left)
    return report
