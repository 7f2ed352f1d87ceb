"""A de-identified instance, ready to be written: a new header, and the pixels where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.header import Attributes
from federim_pipelines.deidentify.spliced import Spliced


class Prove(Protocol):
    """Searches what is about to be written for what identifies its patient; raises `Unusable` if it is there.

    `before` is the header as the device wrote it, `after` what became of it, `texts` what goes beside it.
    """

    def __call__(self, before: bytes, after: bytes, texts: Iterable[str] = (), /) -> None: ...


@dataclass(kw_only=True)
class Cleaned(Spliced):
    """A file to be written, and what was found of its patient on the way."""

    raw: Attributes  # as the device wrote it
    clean: Attributes
    subject: Subject
    transfer_syntax: str
    fast: bool
    # Searches further texts, such as rows and names, for the patient's own values; raises `Unusable`.
    prove: Callable[[Iterable[str]], None]
    # What a person may want to look at: texts that were let through, by tag.
    retained: Counter[tuple[int, str]] = field(default_factory=Counter)
