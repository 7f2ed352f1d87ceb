"""A language model takes names out of long text; without it, a policy that asks for it is refused."""

from __future__ import annotations

import importlib.util

import pytest

from federim.model.errors import InputError
from federim_pipelines.deidentify.text import ner
from federim_pipelines.deidentify.text.cleaner import TextCleaner
from federim_pipelines.deidentify.text.own_values import OwnValues

INSTALLED = all(importlib.util.find_spec(module) for module in ("spacy", ner.MODEL))
needs_model = pytest.mark.skipif(not INSTALLED, reason="spaCy and its French model come with federim[ner]")


@needs_model
@pytest.mark.filterwarnings("ignore")
def test_names_go_from_a_sentence_even_where_they_are_known_words() -> None:
    cleaner = TextCleaner(OwnValues(), second=ner.second_pass())
    text = "Contrôle de fracture du fémur gauche, patient vu par Rocher, Jean Tronc et Colon à Brest."
    assert "Tronc" in TextCleaner(OwnValues()).clean(text)
    clean = cleaner.clean(text)
    assert "Tronc" not in clean
    assert clean.startswith("Contrôle de fracture du fémur gauche")


@needs_model
@pytest.mark.filterwarnings("ignore")
def test_a_description_of_a_few_words_is_no_sentence() -> None:
    assert ner.second_pass()("Scanner de Jean Tronc à Brest") == []


@pytest.mark.skipif(INSTALLED, reason="the model is installed")
def test_without_the_model_the_policy_is_refused() -> None:
    with pytest.raises(InputError, match=r"federim\[ner\]"):
        ner.second_pass()
