"""What becomes of the index's records of a person whose keys change with everything else of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from federim.lake.entered import Entered


@dataclass(frozen=True, slots=True)
class Renames:
    """Keys and contents of records that were made of their person, and what they are from now on."""

    keys: Mapping[bytes, bytes] = field(default_factory=dict)
    contents: Mapping[bytes, bytes] = field(default_factory=dict)

    def of(self, key: bytes, record: Entered) -> tuple[bytes, Entered]:
        """A record's new key, and the record with its new content."""
        content = self.contents.get(record.content, record.content)
        return self.keys.get(key, key), replace(record, content=content)


def stands(record: Entered, held: Entered | None) -> bool:
    """Whether a record that comes under a key stands over the one that is held under it."""
    if held is None:
        return True
    return record.version is not None and (held.version is None or record.version > held.version)
