"""Look attributes, UIDs and concepts up in pydicom's tables without importing pydicom.

Importing pydicom takes as long as de-identifying a thousand files; its tables are plain modules that import
nothing, so they are loaded by their file.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import cast

# scheme → identifier → value → (meaning, context groups)
Concepts = Mapping[str, Mapping[str, Mapping[str, tuple[str, list[int]]]]]

_VR, _MULTIPLICITY, _KEYWORD = 0, 1, 4  # places in a row of the dictionary


def vr_of(tag: int) -> str | None:
    """The VR of a public attribute, such as `DS` or `US or SS`; None if the dictionary does not hold it.

    References
    ----------
    DICOM PS3.6, Table 6-1.
    """
    row = _public().get(tag) or _repeating(tag)
    return None if row is None else row[_VR]


def is_single(tag: int) -> bool:
    """Whether a public attribute has one value and no more."""
    row = _public().get(tag)
    return row is not None and row[_MULTIPLICITY] == "1"


def keyword_of(tag: int) -> str:
    """The keyword of a public attribute, `` if the dictionary does not hold it."""
    row = _public().get(tag) or _repeating(tag)
    return "" if row is None else row[_KEYWORD]


def tag_of(keyword: str) -> int | None:
    """The tag of a public attribute; None if there is none of that keyword."""
    return _tags().get(keyword)


def private_vr_of(tag: int, creator: str) -> str | None:
    """The VR makers' documents give a private attribute, whatever its block; None where none is known."""
    rows = _private().get(creator)
    if rows is None:
        return None
    group, number = f"{tag >> 16:04X}", f"{tag & 0xFF:02X}"
    keys = (f"{group}xx{number}", f"{tag:08X}", f"{group}00{number}", f"{group[:2]}xxxx{number}")
    vr = next((rows[key][_VR] for key in keys if key in rows), "UN")
    return None if vr == "UN" else vr


@cache
def uids() -> frozenset[str]:
    """Every UID the Standard registers (DICOM PS3.6, Annex A)."""
    return frozenset(_table("_uid_dict").UID_dictionary)


@cache
def concepts() -> Concepts:
    """Coded concepts of the Standard's context groups (DICOM PS3.16, Annexes B and D)."""
    return cast(Concepts, _table("sr/_concepts_dict").concepts)


@cache
def snomed_of_rt() -> Mapping[str, str]:
    """SNOMED RT identifiers, such as T-A0100 → SNOMED CT concept numbers."""
    return cast(Mapping[str, str], _table("sr/_snomed_dict").mapping["SRT"])


@cache
def _public() -> Mapping[int, tuple[str, str, str, str, str]]:
    return cast("Mapping[int, tuple[str, str, str, str, str]]", _table("_dicom_dict").DicomDictionary)


@cache
def _tags() -> Mapping[str, int]:
    return {row[_KEYWORD]: tag for tag, row in _public().items() if row[_KEYWORD]}


def _repeating(tag: int) -> tuple[str, str, str, str, str] | None:
    if tag >> 24 not in (0x50, 0x60):
        return None
    return cast(
        "Mapping[str, tuple[str, str, str, str, str]]", _table("_dicom_dict").RepeatersDictionary
    ).get(f"{tag >> 24:02x}xx{tag & 0xFFFF:04x}")


@cache
def _private() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    return cast("Mapping[str, Mapping[str, tuple[str, ...]]]", _table("_private_dict").private_dictionaries)


@cache
def _table(name: str) -> ModuleType:
    found = find_spec("pydicom")
    if found is None or not found.submodule_search_locations:
        raise ImportError("pydicom is not installed; install Federim anew")
    path = Path(found.submodule_search_locations[0]) / f"{name}.py"
    loader = SourceFileLoader(f"federim_pydicom_{path.stem}", str(path))
    spec = spec_from_loader(loader.name, loader)
    if spec is None:
        raise ImportError(f"pydicom's {path.name} cannot be loaded; install Federim anew")
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module
