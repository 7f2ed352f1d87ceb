"""Give a clean object another subject: its pseudonym, UIDs, dates and names of drawings, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Protocol

from federim.model.errors import LakeError
from federim.model.identifiers import Pseudonym
from federim_pipelines.deidentify.dictionaries import vr_of
from federim_pipelines.deidentify.graphics import TYPED_NAMES
from federim_pipelines.deidentify.header import LONG, Unknown, items, read_element, split
from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.deidentify.part10 import encode_number, encode_sequence, encode_texts
from federim_pipelines.deidentify.policy.policy import BIRTH_DATE
from federim_pipelines.deidentify.private import PrivateRules
from federim_pipelines.deidentify.reading import Source, read_meta, take_apart
from federim_pipelines.deidentify.spliced import Spliced
from federim_pipelines.deidentify.walk import PATIENT_ID, creator_of, is_creator

if TYPE_CHECKING:
    from pydicom import Dataset

_PREAMBLE: Final = 132
_META_LENGTH: Final = 0x00020000
_PRIVATE: Final = 0x10000  # the bit that makes a group odd
_DATES: Final = frozenset({"DA", "DT"})
_REKEYED: Final = _DATES | {"CS", "UI"}


class Renaming(Protocol):
    """What becomes of each keyed value of a person, and of each date; `Rekeying` is one."""

    @property
    def person_id(self) -> Pseudonym:
        """The pseudonym they have from now on."""

    def value(self, made: str) -> str:
        """What stands for a keyed value; any other value as it is."""

    def date(self, vr: str, told: str) -> str:
        """A moved DA or DT value."""


class Rekey:
    """Rewrites clean objects of one subject as the other's, to what their originals would have become.

    Nothing of a policy is asked: a clean object tells by its VRs what was keyed and what was moved. A year of
    birth is no moved date, nor is a dummy.

    Parameters
    ----------
    private : PrivateRules
        Tell the VR of a private attribute where the object, being in Implicit VR, does not.
    """

    def __init__(self, change: Renaming, private: PrivateRules) -> None:
        self._change = change
        self._private = private

    def object(self, source: Source) -> Spliced:
        """The object of the new subject, to be used as a context manager; its pixels are not read.

        Raises
        ------
        LakeError
            The object is none that Federim wrote.
        """
        try:
            return self._on_bytes(source)
        except Unknown:
            pass
        except BaseException:
            source.close()
            raise
        try:
            return Spliced(source=source, head=self._with_pydicom(source.read(0, source.size)))
        except Exception as error:  # pydicom raises many kinds, and their texts quote values
            source.close()
            raise LakeError(
                f"a stored object cannot be read ({type(error).__name__}); restore it from the site's backup"
            ) from None

    def _on_bytes(self, source: Source) -> Spliced:
        parts = take_apart(source)
        explicit = parts.header.explicit
        start, _ = read_meta(parts.head)
        end = start + sum(map(len, parts.header.elements.values()))
        head = b"".join(
            (
                parts.head[:_PREAMBLE],
                self._meta(parts.head[_PREAMBLE:start]),
                self._dataset(parts.header.elements, explicit=explicit),
                parts.head[end:],  # tag, VR and length of the pixel data
            )
        )
        if parts.pixels is None:
            return Spliced(source=source, head=head)
        begin = parts.pixels.start
        return Spliced(
            source=source,
            head=head,
            start=begin,
            length=source.size - len(parts.tail) - begin,
            tail=self._dataset(parts.following, explicit=explicit),
        )

    def _meta(self, meta: bytes) -> bytes:
        elements, _ = split(meta, 0, len(meta), explicit=True)
        del elements[_META_LENGTH]
        written = self._dataset(elements, explicit=True)
        return encode_number(_META_LENGTH, "UL", len(written), explicit=True) + written

    def _dataset(self, elements: Mapping[int, bytes], *, explicit: bool, depth: int = 0) -> bytes:
        creators = _creators(elements, explicit=explicit)
        return b"".join(
            self._element(tag, raw, creators.get(creator_of(tag), ""), explicit=explicit, depth=depth)
            for tag, raw in elements.items()
        )

    def _element(self, tag: int, raw: bytes, creator: str, *, explicit: bool, depth: int) -> bytes:
        vr, start = read_element(tag, raw, explicit=explicit)
        if vr == "UN":
            if explicit:
                raise Unknown  # UIDs too many for their own VR
            vr = self._private_vr(creator, tag)
        if vr == "SQ":
            return self._sequence(tag, raw, start, explicit=explicit, depth=depth + 1)
        if vr not in _REKEYED and (tag != PATIENT_ID or depth):
            return raw
        told = raw[start:].decode("utf-8", "replace")
        changed = self._texts(tag, vr, told.rstrip(" \0").split("\\"), depth=depth)
        return raw if changed is None else encode_texts(tag, vr, changed, explicit=explicit)

    def _sequence(self, tag: int, raw: bytes, start: int, *, explicit: bool, depth: int) -> bytes:
        before, after = [], []
        for first, last in items(raw, start, len(raw), explicit=explicit, depth=depth):
            elements, _ = split(raw, first, last, explicit=explicit, depth=depth)
            before.append(raw[first:last])
            after.append(self._dataset(elements, explicit=explicit, depth=depth))
        return raw if before == after else encode_sequence(tag, after, explicit=explicit)

    def _texts(self, tag: int, vr: str, parts: list[str], *, depth: int) -> list[str] | None:
        """The parts of a value as the new subject's are; None where they are the same."""
        change = self._change
        if tag == PATIENT_ID and not depth:
            return [change.person_id]
        if vr == "UI" or tag in TYPED_NAMES:
            changed = [change.value(part) for part in parts]
        elif vr in _DATES and tag != BIRTH_DATE:
            changed = [change.date(vr, part) for part in parts]
        else:
            return None
        return None if changed == parts else changed

    def _private_vr(self, creator: str, tag: int) -> str:
        kept = self._private.keeps(creator, tag) if creator else None
        return "UN" if kept is None else kept.vr

    def _with_pydicom(self, content: bytes) -> bytes:
        """For an object in an encoding whose bytes are not looked at here."""
        from pydicom import dcmread

        from federim_pipelines.deidentify.file_format import encode
        from federim_pipelines.deidentify.quiet import quiet

        with quiet():
            dataset = dcmread(BytesIO(content), force=True)
            self._change_dataset(dataset)
            instance = dataset.file_meta["MediaStorageSOPInstanceUID"]
            instance.value = self._change.value(str(instance.value))
            return encode(dataset)

    def _change_dataset(self, dataset: Dataset, depth: int = 0) -> None:
        from pydicom.dataelem import DataElement

        for tag in list(dataset.keys()):
            vr = self._vr_in(dataset, tag)
            if vr == "SQ":
                for item in dataset[tag].value:
                    self._change_dataset(item, depth + 1)
            elif vr in _REKEYED or (tag == PATIENT_ID and not depth):
                changed = self._texts(tag, vr, _parts(dataset.get_item(tag).value), depth=depth)
                if changed is not None:
                    dataset[tag] = DataElement(tag, vr, changed[0] if len(changed) == 1 else changed)

    def _vr_in(self, dataset: Dataset, tag: int) -> str:
        """The VR of an element, by whoever knows it."""
        told = dataset.get_item(tag).VR
        if told not in (None, "UN"):
            return str(told)
        if not tag & _PRIVATE:
            return vr_of(tag) or "UN"
        creator = dataset.get(creator_of(tag))
        return self._private_vr("" if creator is None else str(creator.value), tag)


def _parts(value: Any) -> list[str]:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").rstrip(" \0").split("\\")
    return [str(part) for part in values_of(value)]


def _creators(elements: Mapping[int, bytes], *, explicit: bool) -> dict[int, str]:
    """The makers of private blocks, by the tag that names them."""
    found = {}
    for tag, raw in elements.items():
        if tag & _PRIVATE and is_creator(tag):
            start = 12 if explicit and raw[4:6] in LONG else 8
            found[tag] = raw[start:].decode("utf-8", "replace").strip(" \0")
    return found
