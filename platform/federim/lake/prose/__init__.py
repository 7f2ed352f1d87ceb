"""Say a cohort definition in English or French, whole: what a committee signs."""

from __future__ import annotations

from typing import Final

from federim.lake.prose.english import ENGLISH
from federim.lake.prose.french import FRENCH
from federim.lake.prose.speech import Speech
from federim.lake.prose.words import Language
from federim.model.cohort import CohortDefinition, Criterion

__all__ = ["SPEECH", "Language", "describe", "sentence"]

SPEECH: Final = {Language.ENGLISH: Speech(ENGLISH), Language.FRENCH: Speech(FRENCH)}


def describe(definition: CohortDefinition, language: Language = Language.ENGLISH) -> str:
    """The definition in lines that a committee can read; different definitions never read alike."""
    return SPEECH[language].definition(definition)


def sentence(criterion: Criterion) -> str:
    """One criterion that is no combination, in English, on one line."""
    return SPEECH[Language.ENGLISH].sentence(criterion)
