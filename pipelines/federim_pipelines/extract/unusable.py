"""What an extractor raises when a record cannot become rows."""

from __future__ import annotations

from federim.model.identifiers import Pseudonym
from federim_pipelines.items import Reason


class Unusable(Exception):
    """The record is refused. `detail` names the element or column, never its value.

    `picture` is a PNG of `person` for the site's own eyes, where only looking can tell whether the refusal is
    right.
    """

    def __init__(
        self, reason: Reason, detail: str, picture: bytes = b"", person: Pseudonym | None = None
    ) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail
        self.picture = picture
        self.person = person
