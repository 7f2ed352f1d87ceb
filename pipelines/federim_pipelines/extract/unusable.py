"""What an extractor raises when a record cannot become rows."""

from __future__ import annotations

from federim_pipelines.items import Reason


class Unusable(Exception):  # noqa: N818 — it names the record's state; the driver turns it into a refusal
    """The record is refused. `detail` names the element or column, never its value."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail
