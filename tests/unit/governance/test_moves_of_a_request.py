"""The table of moves is whole, and its diagram in the README is the one it draws."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from federim.governance.diagram import mermaid
from federim.governance.moves import MOVES, STEPS, Move, after, turn
from federim.model.errors import StateRefused
from federim.model.export import SENTENCES, Status

README = Path(__file__).parents[3] / "README.md"
ENDS = {Status.REFUSED, Status.EXPIRED, Status.REVOKED, Status.WITHDRAWN}


def test_every_status_is_reached_from_a_draft() -> None:
    reached, waiting = set(), [Status.DRAFT]
    while waiting:
        status = waiting.pop()
        if status not in reached:
            reached.add(status)
            waiting += [step.to for step in STEPS if step.status is status]
    assert reached == set(Status)


def test_every_move_is_made_somewhere_and_no_row_is_double() -> None:
    assert {step.move for step in STEPS} == set(Move)
    assert len(MOVES) == len(STEPS)


def test_every_status_has_its_sentence_and_every_end_is_meant() -> None:
    assert SENTENCES.keys() == set(Status)
    assert {status for status in Status if turn(status) is None} == ENDS


def test_nothing_is_released_that_was_not_approved() -> None:
    assert {step.status for step in STEPS if step.move is Move.RELEASE} == {
        Status.APPROVED,
        Status.CONDITIONS_MET,
        Status.RELEASED,
    }
    assert {step.status for step in STEPS if step.to is Status.APPROVED} == {Status.IN_REVIEW}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("move", Move)
def test_a_move_leads_where_the_table_says_or_is_refused(status: Status, move: Move) -> None:
    step = MOVES.get((status, move))
    if step is not None:
        assert after(status, move) is step.to
        return
    with pytest.raises(StateRefused) as refused:
        after(status, move)
    assert move.value in str(refused.value)
    assert all(each.move.value in str(refused.value) for each in STEPS if each.status is status)


def test_the_readme_holds_the_diagram_the_table_draws() -> None:
    found = re.search(r"<!-- export-states -->\n(.*)\n<!-- /export-states -->", README.read_text(), re.DOTALL)
    assert found, "README.md has no <!-- export-states --> block"
    assert found[1].strip() == mermaid(), "run federim export diagram, and paste what it prints"
