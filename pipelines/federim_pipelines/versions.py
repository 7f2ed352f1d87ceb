"""Tell which of two versions of a record stands."""

from __future__ import annotations

from federim.lake.entered import UNTOLD, Entered
from federim_pipelines.items import Record


def says_the_same(record: Record, held: Entered, subject: bytes | None) -> bool:
    """Whether a record is what is held of it: two withdrawals of one version are.

    Parameters
    ----------
    subject : bytes, 16
        Whom its rows tell of; see `LakeWriter.subject`.
    """
    if None not in (subject, held.subject) and subject != held.subject:
        return False
    withdrawn = record.version == held.version is not None and not record.rows and not held.places
    return withdrawn or held.content in (record.content, UNTOLD)


def standing(record: Record, held: Entered) -> int:
    """Whether a record stands over what is held of it (1), under it (-1), or beside it (0).

    Of one version a withdrawal stands over what was told: it may have been hidden since.
    """
    if record.version is None or held.version is None:
        return 0
    ours, theirs = (record.version, not record.rows), (held.version, not held.places)
    return (ours > theirs) - (ours < theirs)
