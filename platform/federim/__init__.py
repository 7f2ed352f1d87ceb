"""Federim: a research data platform for federated imaging cohorts."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "build", "criteria", "open"]

if TYPE_CHECKING:
    from federim.model import criteria
    from federim.model.cohort_builder import build
    from federim.research import open


def __getattr__(name: str) -> Any:
    # The researcher's API pulls in DuckDB and pandas; `import federim` alone must stay instant.
    if name == "open":
        from federim.research import open as open_home

        return open_home
    if name == "build":
        from federim.model.cohort_builder import build

        return build
    if name == "criteria":
        return import_module("federim.model.criteria")
    raise AttributeError(f"module 'federim' has no attribute {name!r}")
