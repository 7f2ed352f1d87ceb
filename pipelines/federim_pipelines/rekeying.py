"""From one subject of a person to another: what becomes of each keyed value, and of each date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from federim.model.identifiers import Pseudonym, Subject
from federim_pipelines.deidentify.dates import DUMMY_DAY, shift_date, shift_datetime
from federim_pipelines.keying import keyed_anew

_DUMMIES = {f"{DUMMY_DAY:%Y%m%d}", f"{DUMMY_DAY:%Y%m%d}000000"}


@dataclass(frozen=True, kw_only=True)
class Rekeying:
    """One person under two subjects; `originals` is what the keyed values of the old one stand for."""

    old: Subject
    new: Subject
    originals: Mapping[str, str] = field(repr=False)
    record_key: bytes = field(repr=False)  # the home's secret of that name

    @property
    def person_id(self) -> Pseudonym:
        return self.new.person_id

    @property
    def days(self) -> int:
        """By how many days a date of the old subject moves to be one of the new."""
        return self.new.date_shift_days - self.old.date_shift_days

    def value(self, made: str) -> str:
        """A keyed value of the new subject for one of the old; any other value as it is."""
        original = self.originals.get(made)
        return made if original is None else keyed_anew(made, original, self.new, self.record_key)

    def anew(self) -> dict[str, str]:
        """What the new subject's keyed values stand for."""
        return {self.value(made): original for made, original in self.originals.items()}

    def date(self, vr: str, told: str) -> str:
        """A moved DA or DT value, moved as the new subject's are; a dummy, or none, as it is."""
        if not told or told in _DUMMIES:
            return told
        shift = shift_date if vr == "DA" else shift_datetime
        moved = shift(told, self.new.date_shift_days, was=self.old.date_shift_days)
        return told if moved is None else moved
