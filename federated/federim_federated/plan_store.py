"""Training plans as files: one JSON document with the plan and the signatures it carries."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from federim.home import Home
from federim.keys import canonical, write_private
from federim.model.errors import InputError, UnknownName
from federim.model.training import TrainingPlan

_PLAN: TypeAdapter[TrainingPlan] = TypeAdapter(TrainingPlan)


@dataclass(frozen=True, slots=True)
class SignedPlan:
    """A plan and who signed it: the name of each home, and its Ed25519 signature."""

    plan: TrainingPlan
    signatures: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, 64 hexadecimal digits: what is signed, and what messages name."""
        return hashlib.sha256(canonical(self.plan.as_document())).hexdigest()

    def signed(self, name: str, signature: str) -> SignedPlan:
        """The same plan with one signature more."""
        return SignedPlan(self.plan, {**self.signatures, name: signature})


def parse(document: Any) -> TrainingPlan:
    """A plan from JSON or TOML values.

    Raises
    ------
    InputError
        A field is missing, unknown, of the wrong kind or out of its bounds; the message names it.
    """
    try:
        plan = _PLAN.validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "document"
        raise InputError(f"training plan, {where}: {first['msg']}") from None
    unknown = _unknown(document, plan.as_document())
    if unknown:
        raise InputError(f"training plan, {unknown}: no such field; take it out, or mend its name")
    return plan


def read(path: Path) -> SignedPlan:
    """A plan file, signatures unchecked; raise `InputError` if it cannot be read as one."""
    try:
        document = json.loads(path.read_text())
        signatures = {str(name): str(signature) for name, signature in document["signatures"].items()}
        return SignedPlan(parse(document["plan"]), signatures)
    except OSError as error:
        raise InputError(f"plan file {path.name}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"plan file {path.name} is not a plan that federim wrote ({type(error).__name__})"
        ) from None


def save(home: Home, signed: SignedPlan) -> Path:
    """Write the plan under its name, whole or not at all; an earlier version of it is replaced."""
    home.plans.mkdir(mode=0o700, exist_ok=True)
    path = home.plans / f"{signed.plan.name}.json"
    pending = path.with_suffix(f".{os.getpid()}.new")
    pending.unlink(missing_ok=True)
    document = {"plan": signed.plan.as_document(), "signatures": dict(signed.signatures)}
    write_private(pending, json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode())
    pending.replace(path)
    return path


def load(home: Home, name: str) -> SignedPlan:
    """The plan of that name in this home; raise `UnknownName` with the nearest one."""
    known = {path.stem: path for path in home.plans.glob("*.json")}
    if name not in known:
        raise UnknownName("training plan", name, known)
    return read(known[name])


def find(home: Home, digest: str) -> SignedPlan:
    """The plan of that digest in this home; raise `UnknownName` where there is none."""
    for path in sorted(home.plans.glob("*.json")):
        try:
            signed = read(path)
        except InputError:  # a damaged plan, or another version's, must not stop the others
            continue
        if signed.digest == digest:
            return signed
    raise UnknownName("training plan of digest", digest[:12], ())


def _unknown(given: Any, known: Any, where: str = "") -> str:
    """The first field of `given` that the plan read from it did not take up, or nothing."""
    if isinstance(given, Mapping) and isinstance(known, Mapping):
        for name, value in given.items():
            place = f"{where}.{name}".lstrip(".")
            found = place if name not in known else _unknown(value, known[name], place)
            if found:
                return found
    elif isinstance(given, list | tuple) and isinstance(known, list | tuple):
        for number, (value, read_back) in enumerate(zip(given, known, strict=True)):
            if found := _unknown(value, read_back, f"{where}.{number}"):
                return found
    return ""
