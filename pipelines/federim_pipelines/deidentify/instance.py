"""De-identify files: on their bytes where that is possible, with pydicom where it is not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from federim_pipelines.deidentify.cleaned import Cleaned
from federim_pipelines.deidentify.fast_path import FastPath
from federim_pipelines.deidentify.header import Unknown
from federim_pipelines.deidentify.person import SubjectOf, person_of
from federim_pipelines.deidentify.policy.policy import Policy
from federim_pipelines.deidentify.proof import Prover
from federim_pipelines.deidentify.reading import Source
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.keying import Originals
from federim_pipelines.sources.sniff import HEAD_BYTES, Kind, sniff


class Deidentifier:
    """De-identifies files under one policy, one after the other.

    Parameters
    ----------
    subject_of : callable
        Who a header is about; it may raise `Unusable`. It is asked once for all headers that agree on what
        it reads of them.
    prover : Prover
        Searches every result for the patient's own values; None leaves the proof out.
    fast : bool
        Whether the fast path may be taken; the results are the same.
    originals : Originals
        Gathers what keyed values stand for, where somebody wants to know.
    """

    def __init__(
        self,
        policy: Policy,
        subject_of: SubjectOf,
        *,
        prover: Prover | None = None,
        fast: bool = True,
        originals: Originals | None = None,
    ) -> None:
        self._policy = policy
        self._subject_of = subject_of
        self._prover = prover
        self._originals = originals
        self._fast = FastPath(policy, subject_of, self._prove, originals) if fast else None

    def file(self, path: str | Path) -> Cleaned:
        """The de-identified form of a file, to be used as a context manager.

        Raises
        ------
        Unusable
            The file is damaged or incomplete, the policy lets no such object in, or the proof failed.
        OSError
            The file cannot be read.
        """
        return self._clean(Source.of(path))

    def content(self, content: bytes) -> Cleaned:
        """As `file`, of bytes in memory."""
        return self._clean(Source(content=content))

    def _clean(self, source: Source) -> Cleaned:
        try:
            if self._fast is not None:
                try:
                    return self._fast.clean(source)
                except Unknown:
                    pass
            kind = sniff(source.read(0, HEAD_BYTES))
            if kind is not Kind.DICOM:
                raise Unusable(Reason.EMPTY if kind is Kind.EMPTY else Reason.NOT_SUPPORTED, "")
            return self._by_reference(source)
        except BaseException:
            source.close()
            raise

    def _by_reference(self, source: Source) -> Cleaned:
        # pydicom is imported where a file needs it: most runs never do.
        from federim_pipelines.deidentify.reference import clean_file

        return clean_file(
            source,
            self._policy,
            lambda dataset: person_of(dataset, self._policy, self._subject_of, self._originals),
            self._prove,
        )

    def _prove(self, before: bytes, after: bytes, texts: Iterable[str] = ()) -> None:
        found = () if self._prover is None else self._prover.check(before, after, *texts)
        if found:
            raise Unusable(Reason.PROOF, ", ".join(sorted(found)))
