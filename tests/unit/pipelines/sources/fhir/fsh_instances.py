"""Turn an instance in FHIR Shorthand into the JSON it stands for, as far as the French examples go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

ALIASES = {
    "$ucum": "http://unitsofmeasure.org",
    "$loinc": "http://loinc.org",
    "$sct": "http://snomed.info/sct",
    "CIM10": "https://smt.esante.gouv.fr/terminologie-cim-10",
    "CCAM": "https://smt.esante.gouv.fr/terminologie-ccam",
}
LISTS = frozenset(
    {"coding", "component", "referenceRange", "category", "performer", "line", "address", "extension"}
    | {"supportingInfo", "insurance", "diagnosis", "procedure", "payor"}
)

_RULE = re.compile(r"( *)\* ([^=]+?)(?: = (.*))?")
_SEGMENT = re.compile(r"([A-Za-z]+)((?:\[[^\]]+\])*)")
_QUANTITY = re.compile(r"(\S+) '([^']*)'(?: \"(.*)\")?")
_CODE = re.compile(r"([$A-Za-z0-9_-]*)#(\S+)(?: \"(.*)\")?")


def instance(text: str, fixed: dict[str, Any], slices: dict[str, Any]) -> dict[str, Any]:
    """The resource of an instance.

    Parameters
    ----------
    fixed : resource
        What its profile says for it, its resourceType among that.
    slices : by name
        What the profile says of elements that the instance calls by name: `component[Creat]`.
    """
    resource: dict[str, Any] = {"id": _named(text, "Instance")} | fixed
    places: dict[str, int] = {}
    for path, value in _rules(text):
        _assign(resource, path, value, slices, places)
    return resource


def profile(text: str) -> str:
    """What the instance is an instance of."""
    return _named(text, "InstanceOf")


def _named(text: str, word: str) -> str:
    found = re.search(rf"^{word}: (\S+)", text, re.MULTILINE)
    assert found is not None
    return found[1]


def _rules(text: str) -> Iterator[tuple[list[str], Any]]:
    """Path and value of every rule; an indented one is below the last that is less so."""
    above: list[str] = []
    last: dict[str, int] = {}  # index by path
    for line in re.sub(r'""".*?"""', "", text, flags=re.DOTALL).splitlines():
        match = _RULE.fullmatch(re.sub(r"\s+//.*|^//.*", "", line))
        if match is None:
            continue
        above = [*above[: len(match[1]) // 2], _numbered(match[2], last)]
        if match[3] is not None:
            yield [segment for path in above for segment in path.split(".")], _value(match[3].strip(), above)


def _numbered(path: str, last: dict[str, int]) -> str:
    """A path whose [+], the next of a list, is a number."""
    if path.endswith("[+]"):
        path = path.removesuffix("[+]")
        last[path] = last.get(path, -1) + 1
        return f"{path}[{last[path]}]"
    if path.endswith("[0]"):
        last[path.removesuffix("[0]")] = 0
    return path


def _value(told: str, path: list[str]) -> Any:
    if told.startswith('"'):
        return told.strip('"')
    if told.startswith("Reference("):
        return {"reference": told.removeprefix("Reference(").rstrip(")")}
    if quantity := _QUANTITY.fullmatch(told):
        system, unit = ALIASES["$ucum"], quantity[3] or quantity[2]
        return {"value": float(quantity[1]), "unit": unit, "system": system, "code": quantity[2]}
    if code := _CODE.fullmatch(told):
        coding = {"system": ALIASES.get(code[1], code[1]), "code": code[2], "display": code[3]}
        last = path[-1].split(".")[-1]
        if not code[1] or (last == "code" and len(path) > 1 and path[-2].endswith("Quantity")):
            return code[2]
        return coding if last == "coding" else {"coding": [coding]}
    return {"true": True, "false": False}[told] if told in ("true", "false") else float(told)


def _assign(
    at: dict[str, Any], path: list[str], value: Any, slices: dict[str, Any], places: dict[str, int]
) -> None:
    prefix = ""
    for place, segment in enumerate(path):
        match = _SEGMENT.fullmatch(segment)
        assert match is not None, segment
        name, index = match[1], match[2]
        prefix += f".{segment}"
        last = place == len(path) - 1
        if name not in LISTS:
            if last:
                at[name] = value | at.get(name, {}) if isinstance(value, dict) else value
                return
            at = at.setdefault(name, {})
            continue
        several = at.setdefault(name, [])
        number = places.setdefault(prefix, len(several)) if index else 0
        if number == len(several):
            several.append(dict(slices.get(index.strip("[]"), {})))
        if last:
            several[number] = value
            return
        at = several[number]
