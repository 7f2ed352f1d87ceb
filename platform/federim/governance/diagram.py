"""Draw the life of an export request from its table, as Mermaid."""

from __future__ import annotations

from federim.governance.moves import STEPS, turn
from federim.model.export import Status


def mermaid() -> str:
    """A fenced Mermaid state diagram, ending without a newline: what README holds."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Status.DRAFT.value}"]
    lines += [
        f"    {step.status.value} --> {step.to.value}: {step.move.value} ({step.by.value})" for step in STEPS
    ]
    lines += [f"    {status.value} --> [*]" for status in Status if turn(status) is None]
    return "\n".join([*lines, "```"])
