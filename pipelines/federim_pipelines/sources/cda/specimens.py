"""Find the specimen a laboratory's result was measured on."""

from __future__ import annotations

from collections.abc import Iterable

from federim_pipelines.codes.code import Code, best
from federim_pipelines.codes.systems import SNOMED_CT
from federim_pipelines.sources.cda.datatypes import child, children, codes
from federim_pipelines.sources.cda.parsing import Element
from federim_pipelines.sources.cda.statements import Statement


def specimen_of(statement: Statement) -> Code | None:
    """The specimen named nearest to a result: by itself, by its battery, or by how it was taken.

    The specimen of a culture's results is the germ that grew: what an antibiogram is about. None where two
    were taken, and it is not said which one was used.

    References
    ----------
    IHE XD-LAB, Specimen Collection and Laboratory Isolate Organizer.
    """
    for element in (statement.element, *reversed(statement.above)):
        if named := _named(element):
            return named[0]
        taken = _taken(element)
        if taken:
            return taken[0] if len(set(taken)) == 1 else None
    return None


def _named(element: Element) -> list[Code]:
    return _preferred(children(element, "specimen", "specimenRole", "specimenPlayingEntity", "code"))


def _taken(element: Element) -> list[Code]:
    procedures = [
        procedure
        for link in ("entryRelationship", "component")
        for procedure in children(element, link, "procedure")
    ]
    return _preferred(
        code
        for procedure in procedures
        for participant in children(procedure, "participant")
        if participant.get("typeCode") == "PRD"
        and (code := child(participant, "participantRole", "playingEntity", "code")) is not None
    )


def _preferred(concepts: Iterable[Element]) -> list[Code]:
    return [code for concept in concepts if (code := best(codes(concept), (SNOMED_CT,))) is not None]
