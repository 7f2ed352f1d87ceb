"""One value or several: an element's value multiplicity."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Any


def is_multiple(value: Any) -> bool:
    """Whether `value` is several values: pydicom gives texts as a MultiValue, numbers as a list."""
    return isinstance(value, MutableSequence) and not isinstance(value, bytearray)


def values_of(value: Any) -> list[Any]:
    """The values of an element, in their order; none if it is absent.

    References
    ----------
    DICOM PS3.5, 6.4.
    """
    if value is None:
        return []
    return list(value) if is_multiple(value) else [value]
