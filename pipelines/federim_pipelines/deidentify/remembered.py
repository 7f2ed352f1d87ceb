"""Ask something of a header once for all headers that agree on what the answer depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from federim_pipelines.deidentify.header import Attributes, Header

Answer = TypeVar("Answer")

_MOST: Final = 512  # headers of a series agree, so few are needed at a time
_NONE: Final = object()


class Remembered(Generic[Answer]):
    """A question about headers, and its answers so far.

    It must depend on the attributes it asks for and on nothing else. Which these are is seen, not declared:
    a header that differs in none of them gets the same answer.
    """

    def __init__(self, ask: Callable[[Attributes], Answer], *, most: int = _MOST) -> None:
        self._ask = ask
        self._most = most
        self._tags: tuple[int, ...] = ()
        self._answers: dict[tuple[Any, ...], Answer] = {}

    def __call__(self, header: Header) -> Answer:
        """The answer for this header; what asking raises is not remembered."""
        found = self._answers.get(self._key(header), _NONE)
        if found is not _NONE:
            return found  # type: ignore[return-value]
        asked: set[int] = set()
        answer = self._ask(Header(header.elements, explicit=header.explicit, codec=header.codec, asked=asked))
        if not asked.issubset(self._tags):
            self._tags = tuple(sorted(asked.union(self._tags)))
            self._answers.clear()
        elif len(self._answers) >= self._most:
            del self._answers[next(iter(self._answers))]
        self._answers[self._key(header)] = answer
        return answer

    def _key(self, header: Header) -> tuple[Any, ...]:
        return (header.explicit, header.codec, *map(header.elements.get, self._tags))
