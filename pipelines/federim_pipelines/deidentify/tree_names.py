"""Name the folders and files of a cleaned tree: as they were, where that tells nothing."""

from __future__ import annotations

from federim.keys import keyed
from federim_pipelines.deidentify.names import keyed_name, neutral_name
from federim_pipelines.deidentify.own_values import OwnValues
from federim_pipelines.deidentify.text import TextCleaner


class Names:
    """The names of one run: the same name under the same key becomes the same one."""

    def __init__(self, key: bytes) -> None:
        self._key = keyed(key, "names")
        self._cleaner = TextCleaner(OwnValues.of({}))
        self._folders = {"": ""}

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
        return neutral_name(name, self._cleaner, self._key)
