"""Series of a snapshot as volumes on one grid, one array a series."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from federim.home import Home
from federim.lake import faces, images, reader, snapshot
from federim.lake.arrays.cache import SeriesCache
from federim.lake.arrays.names import Recipe
from federim.model.errors import InputError, StorageFull
from federim.model.identifiers import Pseudonym
from federim.model.training import EXEMPT, Preprocessing, TrainingPlan
from federim_federated import labels, watching
from federim_federated.decoding import NO_VOLUME, code_version, volume
from federim_federated.examples import Cohort
from federim_federated.pins import pinned

LOG: Final = logging.getLogger("federim.federated")


def read(home: Home, plan: TrainingPlan, *, without: Collection[Pseudonym] = ()) -> Cohort:
    """Every series of the plan's modality whose person has a label.

    What was decoded before is taken from the site's training cache, where it has one; it is the same.

    Parameters
    ----------
    without : person_ids
        Persons whose series are neither decoded nor kept.

    Returns
    -------
    Cohort
        `inputs` is float32, shape (series, slices, rows, columns) by the plan's preprocessing, in [0, 1].
        A series that may show a face, unless the plan exempts faces, and one that is no regular volume are
        left out; the site's log says how many.

    Raises
    ------
    InputError
        No series of the snapshot may be used and is a volume with a label.
    LakeError, UnknownName, VerificationFailed
        The snapshot is not here, or is not the one the plan pins.
    """
    if plan.preprocessing is None:
        raise InputError(f"training plan {plan.name}: an image task without preprocessing")
    frozen = pinned(home, plan)
    with snapshot.connect(home, frozen) as connection:
        cases = labels.read(home, connection, plan.label)
        found = reader.query(
            connection,
            files("federim_federated").joinpath("sql/series.sql").read_text(),
            seconds=home.settings.query_seconds,
            parameters={"modality": plan.preprocessing.modality},
        )
        held = (
            frozenset()
            if plan.faces == EXEMPT
            else faces.held(connection, seconds=home.settings.query_seconds)
        )
    labelled = [each for each in found.to_pylist() if each["person_id"] in cases]
    wanted = [each for each in labelled if each["person_id"] not in without]
    shown = [each for each in wanted if each["SeriesInstanceUID"] not in held]
    persons: list[Pseudonym] = []
    volumes: list[NDArray[np.float32]] = []
    for series, voxels in _volumes(home, frozen, plan.preprocessing, shown):
        persons.append(Pseudonym(series["person_id"]))
        volumes.append(voxels)
    if left_out := len(shown) - len(volumes):
        LOG.warning(
            "%s: %d of %d series make no volume and are left out", home.name, left_out, found.num_rows
        )
    if with_faces := len(wanted) - len(shown):
        LOG.warning(
            "%s: %d of %d series may show a face and are left out; have them defaced, take the defaced ones "
            "in with federim images replace, and freeze the cohort again",
            home.name,
            with_faces,
            found.num_rows,
        )
    if not volumes and len(wanted) == len(labelled):
        raise InputError(
            f"training plan {plan.name}: no series of this snapshot is a volume with a label and no face"
        )
    return Cohort(
        person_ids=persons,
        inputs=np.stack(volumes) if volumes else np.empty((0, *plan.preprocessing.size), np.float32),
        labels=np.array([cases[person] for person in persons]),
    )


def _volumes(
    home: Home,
    frozen: snapshot.Snapshot,
    preprocessing: Preprocessing,
    wanted: Collection[Mapping[str, Any]],
) -> Iterator[tuple[Mapping[str, Any], NDArray[np.float32]]]:
    """Each series that is a volume, with its voxels; kept ones first looked for in the training cache."""
    cache = SeriesCache(home, frozen, Recipe(preprocessing=preprocessing, code=code_version()))
    watch = watching.current()
    watch.stage(f"series of {home.name}", len(wanted))
    full = False
    for series in wanted:
        known = Pseudonym(series["person_id"]), str(series["SeriesInstanceUID"]), list(series["paths"])
        voxels = cache.get(*known)
        if voxels is None:
            try:
                voxels = volume((images.read(home, path) for path in series["paths"]), preprocessing)
            except NO_VOLUME:
                watch.advance()
                continue
            if not full:
                full = _refused(home, cache, known, voxels)
        watch.advance()
        yield series, voxels


def _refused(
    home: Home,
    cache: SeriesCache,
    known: tuple[Pseudonym, str, list[str]],
    voxels: NDArray[np.float32],
) -> bool:
    """Keep a series; whether the disk refused, without which training does as well."""
    try:
        cache.keep(*known, voxels)
    except StorageFull:
        LOG.warning("%s: the disk is full; no more decoded series are kept", home.name)
        return True
    return False
