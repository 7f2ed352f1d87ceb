"""A C-GET offers the PACS to send each object as it is stored, within the contexts an association has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom import AllStoragePresentationContexts

from federim_pipelines.sources.pacs.query import Study
from federim_pipelines.sources.pacs.retrieve import TRANSFER_SYNTAXES, Sent, storage_contexts

CLASSES = [str(context.abstract_syntax) for context in AllStoragePresentationContexts]


@given(st.lists(st.sampled_from(CLASSES), unique=True, max_size=len(CLASSES)))
def test_every_class_is_offered_and_there_is_room_for_the_request_itself(classes: list[str]) -> None:
    contexts = storage_contexts(tuple(classes))
    assert 0 < len(contexts) <= 127
    if len(classes) <= 127:
        assert {str(context.abstract_syntax) for context in contexts} >= set(classes)


def test_few_classes_have_a_context_for_each_transfer_syntax() -> None:
    contexts = storage_contexts(("1.2.840.10008.5.1.4.1.1.2",))
    assert [context.transfer_syntax for context in contexts] == [[syntax] for syntax in TRANSFER_SYNTAXES]


@pytest.mark.parametrize(
    ("announced", "completed", "failed", "whole"),
    [
        (4, 4, 0, True),
        (4, 5, 0, True),
        (4, 3, 0, False),
        (4, 3, 1, False),
        (None, 0, 0, True),
        (4, 0, 0, False),
    ],
)
def test_a_study_is_whole_if_all_that_was_announced_came(
    announced: int | None, completed: int, failed: int, whole: bool
) -> None:
    assert Sent(completed, failed).all_of(Study("1.2.3", announced, ())) is whole
