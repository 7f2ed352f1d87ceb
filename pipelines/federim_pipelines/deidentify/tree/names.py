"""Name the folders and files of a cleaned tree: as they were, where that tells nothing."""

from __future__ import annotations

import re

from federim.keys import keyed
from federim_pipelines.deidentify.text.cleaner import TextCleaner
from federim_pipelines.deidentify.text.names import keyed_name, neutral_name
from federim_pipelines.deidentify.text.own_values import OwnValues

# Words, then a number as exporting programs count files with: not `T2`, nor the year of a date.
_NUMBERED = re.compile(r"([^\d.]*)(\d{3,})(\.[A-Za-z]+|)")


class Names:
    """The names of one run: the same name under the same key becomes the same one."""

    def __init__(self, key: bytes) -> None:
        self._key = keyed(key, "names")
        self._cleaner = TextCleaner(OwnValues.of({}))
        self._folders = {"": ""}
        self._tells: dict[str, bool] = {}

    def neutral(self, folder: str, name: str) -> str:
        """Where a file is to stand: under its own names as far as those tell nothing of anybody."""
        neutral = self._folders.get(folder)
        if neutral is None:
            neutral = "".join(f"{self._neutral(part)}/" for part in folder.split("/"))
            self._folders[folder] = neutral
        return neutral + self._neutral(name)

    def keyed(self, folder: str, name: str) -> str:
        """Where a file is to stand whose patient is called what a folder or file is."""
        return "/".join(keyed_name(part, self._key) for part in [*folder.split("/"), name] if part)

    def _neutral(self, name: str) -> str:
        """As `neutral_name`, judged once for all names that differ in the number at their end alone."""
        match = _NUMBERED.fullmatch(name)
        if match is None:
            return neutral_name(name, self._cleaner, self._key)
        judged = match[1] + "1" * len(match[2]) + match[3]
        tells = self._tells.get(judged)
        if tells is None:
            tells = self._tells[judged] = neutral_name(judged, self._cleaner, self._key) != judged
        return keyed_name(name, self._key) if tells else name
