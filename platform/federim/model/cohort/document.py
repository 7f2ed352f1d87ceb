"""A definition's parts as plain JSON values: what its hash is made of."""

from __future__ import annotations

from dataclasses import Field, fields
from datetime import date
from enum import StrEnum
from typing import Any

from federim.model.cohort.kinds import Criterion


def document(value: Any) -> Any:
    """Criteria, and what they are made of, as objects, lists and scalars; equal for equal ones.

    What was added to a kind later is left out where it is not used, so that what was written before keeps
    its document.
    """
    if isinstance(value, tuple):
        return [document(part) for part in value]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "__dataclass_fields__"):
        parts = {
            field.name: document(getattr(value, field.name)) for field in fields(value) if _said(field, value)
        }
        return {"kind": type(value).__name__, **parts} if isinstance(value, Criterion) else parts
    return value


def _said(field: Field[Any], value: Any) -> bool:
    return not field.metadata.get("added_later") or getattr(value, field.name) != field.default
