"""Find persons, places and organisations in long free text with a language model: a second pass."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from federim.model.errors import InputError

if TYPE_CHECKING:
    from spacy.language import Language

MODEL = "fr_core_news_md"
# A description of two or three words is no sentence: the model sees names in MPRAGE and misses real ones.
SHORTEST_FREE_TEXT = 40  # characters
_READ_AT_ONCE = 50_000  # characters: the model's memory grows with them, and it refuses a million

_NAMING = frozenset({"PER", "LOC", "ORG"})
# Only entities are wanted; what the entity recogniser does not need takes most of the time.
_UNUSED = ("morphologizer", "parser", "attribute_ruler", "lemmatizer")


def second_pass() -> Callable[[str], list[tuple[int, int]]]:
    """A function that gives the spans of a text naming somebody, some place or some organisation.

    A span is the index of its first character and of the one after its last. Text shorter than
    `SHORTEST_FREE_TEXT` has none.

    Raises
    ------
    InputError
        spaCy or its French model is not installed.
    """
    model = _model()

    def spans(text: str) -> list[tuple[int, int]]:
        if len(text) < SHORTEST_FREE_TEXT:
            return []
        return [
            (at + found.start_char, at + found.end_char)
            for at in range(0, len(text), _READ_AT_ONCE)
            for found in model(text[at : at + _READ_AT_ONCE]).ents
            if found.label_ in _NAMING
        ]

    return spans


@cache
def _model() -> Language:
    try:
        import spacy

        return spacy.load(MODEL, exclude=_UNUSED)
    except (ImportError, OSError) as error:  # spaCy's word for a model it does not find is OSError
        raise InputError(
            f"the policy asks for a second pass over free text, and spaCy or its model {MODEL} is not "
            "installed; install federim[ner], or set ner = false in the policy's [text]"
        ) from error
