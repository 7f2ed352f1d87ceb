"""Name the folders and files of a cleaned tree: as they were, where that tells nothing."""

from __future__ import annotations

import re

from federim.keys import keyed
from federim_pipelines.deidentify.text.cleaner import TextCleaner
from federim_pipelines.deidentify.text.names import keyed_name, neutral_name
from federim_pipelines.deidentify.text.own_values import OwnValues

# Words, then a number as exporting programs count files with: not `T2`.
_NUMBERED = re.compile(r"([^\d.]*)(\d{3,})(\.[A-Za-z]+|)")
# Archives lay folders out by day, 2024/01/31: no part is a date, and all of them together are.
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_DAY_OR_MONTH = re.compile(r"\d{1,2}(?:\.[A-Za-z]+)?")


class Names:
    """The names of one run: the same name under the same key becomes the same one."""

    def __init__(self, key: bytes) -> None:
        self._key = keyed(key, "names")
        self._cleaner = TextCleaner(OwnValues.of({}))
        self._folders = {"": ""}
        self._tells: dict[str, bool] = {}

    def neutral(self, folder: str, name: str) -> str:
        """Where a file is to stand: under its own names as far as those tell nothing of anybody."""
        parts = folder.split("/") if folder else []
        neutral = self._folders.get(folder)
        if neutral is None:
            dated = any(_YEAR.search(part) for part in parts)
            neutral = "".join(
                f"{self._neutral(part, dated=dated or _beside_number(parts, at))}/"
                for at, part in enumerate(parts)
            )
            self._folders[folder] = neutral
        dated = _YEAR.search(folder) is not None or _beside_number([*parts, name], len(parts))
        return neutral + self._neutral(name, dated=dated)

    def keyed(self, folder: str, name: str) -> str:
        """Where a file is to stand whose patient is called what a folder or file is."""
        return "/".join(keyed_name(part, self._key) for part in [*folder.split("/"), name] if part)

    def _neutral(self, name: str, *, dated: bool) -> str:
        """As `neutral_name`, judged once for all names that differ in the number at their end alone.

        `dated`: other parts of the place may be a year, a month or a day, which a number would complete.
        """
        if _YEAR.search(name) or (dated and _DAY_OR_MONTH.fullmatch(name)):
            return keyed_name(name, self._key)
        match = _NUMBERED.fullmatch(name)
        if match is None:
            return neutral_name(name, self._cleaner, self._key)
        judged = match[1] + "1" * len(match[2]) + match[3]
        tells = self._tells.get(judged)
        if tells is None:
            tells = self._tells[judged] = neutral_name(judged, self._cleaner, self._key) != judged
        return keyed_name(name, self._key) if tells else name


def _beside_number(parts: list[str], at: int) -> bool:
    """Whether a part and one next to it are numbers such as a month and a day."""
    if not _DAY_OR_MONTH.fullmatch(parts[at]):
        return False
    return any(
        0 <= other < len(parts) and _DAY_OR_MONTH.fullmatch(parts[other]) is not None
        for other in (at - 1, at + 1)
    )
