"""Remove a person from the site's own lists and pictures, which lie beside the lake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pydicom import Dataset, dcmread

from federim.home import Home
from federim.identity.rights import Erasure
from federim.lake import images
from federim.lake.rewriting import objects_of
from federim.model.identifiers import Pseudonym
from federim_pipelines import pictures
from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.review import Review
from federim_pipelines.sources.drimbox.history import History
from federim_pipelines.workspace.register import Register
from federim_pipelines.workspace.settle import have_leave


class EraseHistory:
    """The step of what manifests named: keyed UIDs."""

    name = "pulled"

    def __call__(self, home: Home, erasure: Erasure) -> dict[str, int]:
        return {"instances": _forget_history(home, erasure.persons)}


class ErasePictures:
    """The step of the pictures of images in quarantine."""

    name = "pictures"

    def __call__(self, home: Home, erasure: Erasure) -> dict[str, int]:
        return {"pictures": _forget_pictures(home, erasure.persons)}


class EraseTexts:
    """The step of the texts kept for review: those that no other person's images have go."""

    name = "texts"

    def __call__(self, home: Home, erasure: Erasure) -> dict[str, int]:
        return {"texts": _forget_texts(home, erasure.persons)}


def forget_persons(home: Home, persons: Sequence[Pseudonym]) -> None:
    """Remove persons from all of this, while the lake still tells which objects are theirs."""
    if persons:
        _forget_history(home, persons)
        _forget_pictures(home, persons)
        _forget_texts(home, persons)
        have_leave(home, persons)


def renamed(home: Home, old: Pseudonym, new: Pseudonym) -> None:
    """Have all of this found by another pseudonym of a person."""
    pictures.renamed(home, old, new)
    if home.pulled.exists():
        with History(home) as history:
            history.renamed(old, new)
    if home.workspaces.exists():
        with Register(home) as register:
            register.renamed(old, new)


def _forget_history(home: Home, persons: Iterable[Pseudonym]) -> int:
    if not home.pulled.exists():
        return 0
    with History(home) as history:
        return sum(history.forget_person(each) for each in persons)


def _forget_pictures(home: Home, persons: Iterable[Pseudonym]) -> int:
    return sum(pictures.forget(home, each) for each in persons)


def _forget_texts(home: Home, persons: Iterable[Pseudonym]) -> int:
    if not home.retained.exists():
        return 0
    with Review(home) as review:
        kept = {(text.tag, text.text) for text in review.texts()}
        theirs: Counter[tuple[int, str]] = Counter()
        for path in _objects(home, persons):
            theirs.update(kept & set(_texts(dcmread(images.read(home, path), stop_before_pixels=True))))
        return review.forget(theirs)


def _objects(home: Home, persons: Iterable[Pseudonym]) -> list[str]:
    paths = {path for person in persons for path in objects_of(home, person)}
    return [path for path in sorted(paths) if images.has(home, path)]


def _texts(dataset: Dataset) -> Iterable[tuple[int, str]]:
    """Every text of an object, those of its sequences too, by tag."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _texts(item)
        else:
            yield from ((int(element.tag), str(value)) for value in values_of(element.value))
