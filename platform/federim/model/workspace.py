"""What a project may have in its workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceGrant:
    """A committee's leave to make one site's frozen cohort available to one project, in its workspace alone.

    Attributes
    ----------
    project, request : str
        Whose workspace, and which approved request says so.
    snapshot_sha256 : str
        The frozen cohort that was decided on, 64 hexadecimal digits.
    tables : table to columns
        What the workspace holds; keys of persons and objects among the columns are the project's own.
    pixels : bool
        Whether it holds the instances too.
    ends : date
        Last day on which it may be opened.
    """

    project: str
    request: str
    snapshot_sha256: str
    tables: Mapping[str, tuple[str, ...]]
    pixels: bool
    ends: date
