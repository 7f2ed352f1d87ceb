"""Contrast: what the device declared becomes yes, no or nothing, and the typed words stay behind."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from federim_pipelines.extract.contrast import declared


def enhanced(*administered: str) -> Dataset:
    """An enhanced object whose shared groups say of each agent whether it was given."""
    usage = [Dataset() for _ in administered]
    for one, word in zip(usage, administered, strict=True):
        one.ContrastBolusAgentAdministered = word
    group, image = Dataset(), Dataset()
    group.ContrastBolusUsageSequence = usage
    image.SharedFunctionalGroupsSequence = [group]
    return image


def named(agent: str | list[str] | None) -> Dataset:
    image = Dataset()
    image.ContrastBolusAgent = agent
    return image


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Dataset(), None),
        (named(""), None),
        (named("  "), None),
        (named(None), None),
        (named("Unknown"), None),
        (named("Iomeron 400 for M. Durand"), True),
        (named(["NONE", "GADOVIST"]), True),
        (named("none "), False),
        (named("Sans  injection"), False),
        (enhanced("NO"), False),
        (enhanced("NO", "YES"), True),
        (enhanced(), None),
        (enhanced("MAYBE"), None),
    ],
)
def test_it_is_yes_no_or_nothing(image: Dataset, expected: bool | None) -> None:
    assert declared(image) is expected


def test_a_coded_agent_is_yes_whatever_the_frames_say() -> None:
    image, agent = enhanced("NO"), Dataset()
    agent.CodeValue = "109219"
    image.ContrastBolusAgentSequence = [agent]
    assert declared(image) is True
    image.ContrastBolusAgentSequence = []
    assert declared(image) is False
