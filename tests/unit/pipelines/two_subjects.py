"""One person under two subjects: before and after a link that came late."""

from __future__ import annotations

from federim.model.identifiers import Pseudonym, Subject
from federim_pipelines.keying import Keying, Originals
from federim_pipelines.rekeying import Rekeying

OLD = Subject(person_id=Pseudonym("01d0" * 8), linked=False, date_shift_days=-100, uid_key=bytes(range(32)))
NEW = Subject(person_id=Pseudonym("5eed" * 8), linked=True, date_shift_days=-37, uid_key=bytes(range(32, 64)))
RECORD_KEY = bytes(range(64, 96))


class Person:
    """Keys under the old subject, and knows what to expect under the new one."""

    def __init__(self) -> None:
        self.originals = Originals()
        self.old = Keying(OLD, self.originals)
        self.new = Keying(NEW)

    def rekeying(self) -> Rekeying:
        """The change from the old subject to the new one, for all that was keyed so far."""
        told = self.originals.take().get(OLD.person_id, {})
        return Rekeying(old=OLD, new=NEW, originals=told, record_key=RECORD_KEY)
