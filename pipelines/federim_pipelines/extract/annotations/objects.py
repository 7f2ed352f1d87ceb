"""Tell which objects draw or measure something on images, and have each read by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

from federim.model.identifiers import Subject
from federim_pipelines.codes.codebook import Codebook
from federim_pipelines.extract.annotations.annotated import Annotated, TableRow

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_REPORTS: Final = f"{_STORAGE}88."

# Which module of this package reads a class of objects (PS3.4, table B.5-1). They import pydicom, which most
# runs never need.
_MODULES: Final = {
    f"{_STORAGE}66.4": "segments",  # Segmentation
    f"{_STORAGE}66.7": "segments",  # Label Map Segmentation
    f"{_STORAGE}481.3": "structures",  # RT Structure Set
    f"{_STORAGE}30": "parametric_map",
    f"{_REPORTS}67": "dose",  # X-Ray Radiation Dose SR
    f"{_REPORTS}68": "dose",  # Radiopharmaceutical Radiation Dose SR
    f"{_REPORTS}73": "dose",  # Patient Radiation Dose SR
    f"{_REPORTS}76": "dose",  # Enhanced X-Ray Radiation Dose SR
}
_SELECTION: Final = f"{_REPORTS}59"  # Key Object Selection: points at images, measures nothing


def rows_of(
    sop_class: str, path: Path, subject: Subject, key: bytes, codebook: Codebook
) -> tuple[TableRow, ...]:
    """Rows of `segment` and `image_feature` of one de-identified object; none where it is of another kind.

    Parameters
    ----------
    path : Path
        Of the clean object: everything is read there, so that no row holds more than the object does, and
        frames one at a time.
    key : bytes
        Of the object's record, from which its rows are named.

    Raises
    ------
    Unusable
        The object cannot be read as what its class says.
    """
    module = _MODULES.get(sop_class)
    if module is None and sop_class.startswith(_REPORTS) and sop_class != _SELECTION:
        module = "features"
    if module is None:
        return ()
    from federim_pipelines.deidentify.quiet import quiet

    read: Callable[[Annotated], Iterator[TableRow]] = import_module(f"{__package__}.{module}").rows
    with quiet():
        return tuple(read(Annotated.at(path, subject, key, codebook)))
