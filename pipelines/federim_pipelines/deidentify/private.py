"""Which private attributes stay: those known to be safe, and those a site says are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from federim_pipelines.deidentify.dictionaries import private_vr_of
from federim_pipelines.deidentify.dispositions import Disposition, Dispositions
from federim_pipelines.deidentify.policy.policy import Action

_ACTIONS: Final = {
    Disposition.KEEP: Action.KEEP,
    Disposition.DELETE: Action.REMOVE,
    Disposition.HASH: Action.UID,
    Disposition.OFFSET: Action.DATE,
    Disposition.OFFSET_INTEGER: Action.REMOVE,
    Disposition.EMPTY: Action.EMPTY,
}
_TOLD_NOTHING: Final = frozenset({"OB", "UN"})  # what archives write where they do not know a maker's VR
_BYTES: Final = frozenset({"OB", "OW", "UN"})
_LINES: Final = frozenset({"AE", "LO", "SH"})
_PROSE: Final = frozenset({"LT", "ST", "UC", "UT"})
_NEVER: Final = frozenset({"PN", "UR"})  # a person, an address


@dataclass(frozen=True, slots=True)
class Keep:
    """A private attribute that stays: the VR to read and write it with, and what becomes of its value."""

    vr: str
    action: Action


class PrivateRules:
    """Matches private attributes by their creator and their place in its block, wherever the block is.

    What a site says of an attribute wins over the table, in both directions.

    References
    ----------
    DICOM PS3.5, 7.8.1; PS3.15, E.3.10 and Table E.3.10-1.
    """

    def __init__(self, dispositions: Dispositions) -> None:
        self._dispositions = dispositions.of

    def keeps(self, creator: str, tag: int, vr: str = "UN") -> Keep | None:
        """What becomes of an attribute of the VR its file says, `UN` where it says none; None: it goes.

        Text and numbers are still judged by what they hold. `creator` is matched as the maker spells it.
        """
        creator, element = creator.strip(" \0"), tag & 0xFFFF00FF
        said = self._dispositions.get((creator, element))
        if said is None:
            known = safe_attributes().get((creator, element))
            return None if known is None else _kept(vr, known or None, Action.KEEP)
        action = _ACTIONS[said.disposition]
        if action is Action.REMOVE:
            return None
        known = said.vr if said.vr not in _TOLD_NOTHING else private_vr_of(tag, creator) or said.vr
        return _kept(vr, known, action, said=True)


def _kept(vr: str, known: str | None, action: Action, *, said: bool = False) -> Keep | None:
    """How to read an attribute that may stay, given the VR in its file and the one its maker documents.

    `said` tells that a site named it: then its bytes may stay, and a line of text as a whole.
    """
    if vr in _TOLD_NOTHING and known is not None:
        vr = known
    if vr == "UN" or vr in _NEVER:
        return None
    if vr in _BYTES and known not in _BYTES and not said:
        return None
    if vr == "SQ" and known not in (None, "SQ"):
        return None
    # Words in the place of a number are not what its maker documents.
    if vr in _LINES | _PROSE and known is not None and known not in _LINES | _PROSE:
        return None
    if action is Action.KEEP:
        if vr == "UI":
            action = Action.UID
        elif vr in _PROSE or (vr in _LINES and not said):
            action = Action.CLEAN  # makers let people type into some of them
    return Keep(vr, action)


@cache
def safe_attributes() -> Mapping[tuple[str, int], str]:
    """(creator, group << 16 | element within its block) → VR, `` where it is not documented.

    References
    ----------
    DICOM PS3.15, Table E.3.10-1; makers' conformance statements where the file says so.
    """
    file = resources.files("federim_pipelines.deidentify.standard") / "safe_private.tsv"
    rows = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()[1:])
    return {(row[0], int(row[1], 16) << 16 | int(row[2], 16)): row[3] for row in rows}
