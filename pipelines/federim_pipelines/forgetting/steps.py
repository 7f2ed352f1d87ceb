"""Every place outside the lake that may hold something of a person, as steps of an erasure."""

from __future__ import annotations

from typing import Any, Protocol

from federim.home import Home
from federim.identity.rights import Erasure, Rights
from federim_pipelines.forgetting.arrays import EraseArrays
from federim_pipelines.forgetting.beside import EraseHistory, ErasePictures, EraseTexts
from federim_pipelines.forgetting.raw import EraseParked, EraseSpooled
from federim_pipelines.forgetting.workspaces import EraseWorkspaces


class Place(Protocol):
    """A place that a person is removed from; carried out again after a kill, it completes what it began."""

    @property
    def name(self) -> str:
        """One word for the record."""

    def __call__(self, home: Home, erasure: Erasure) -> dict[str, Any]:
        """Remove the person; returns counts."""


def places(rights: Rights) -> tuple[Place, ...]:
    """All places, in an order in which each is found through what the others still hold."""
    return (
        EraseSpooled(rights),
        EraseParked(rights),
        EraseHistory(),
        ErasePictures(),
        EraseTexts(),
        EraseWorkspaces(),
        EraseArrays(),
    )
