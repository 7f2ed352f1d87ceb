"""Read a policy's TOML file, on top of the one it is based on."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from federim.model.errors import InputError, UnknownName
from federim_pipelines.deidentify.dictionaries import keyword_of, tag_of
from federim_pipelines.deidentify.policy.policy import OLDEST_BIRTH_YEAR, OPTION_CODES, Action
from federim_pipelines.deidentify.policy.table import profile_table

NAMES: Final = ("research", "basic", "longitudinal-full-dates", "strict")
DEFAULT: Final = "research"

_BASIC: Final = "basic"  # as a base, the policy of that name; as an action, the profile's own
_KEYS: Final = ("name", "base", "oldest_birth_year", "options", "attributes", "text")
_TEXT_KEYS: Final = ("find_names",)
_YEARS: Final = range(1850, 2101)
_HEXADECIMAL_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """What a file says, checked. `attributes` maps a tag to None where the profile's own action is wanted."""

    name: str
    options: Mapping[str, bool]
    attributes: Mapping[int, Action | None]
    oldest_birth_year: int
    finds_names: bool


def read_policy_file(name_or_path: str | Path) -> PolicyFile:
    """One of the package's policies by its name, or a file of a site's own.

    Raises
    ------
    UnknownName
        Neither a file nor a known policy; or the file names a setting, base, option, attribute or action
        that is none.
    InputError
        The file cannot be read, is not TOML, or holds what is not of the kind expected.
    """
    name = str(name_or_path)
    if name in NAMES:
        file = resources.files("federim_pipelines.deidentify.policy.named") / f"{name}.toml"
        return _Reader(f"policy {name}").read(file.read_text(encoding="utf-8"), name)
    path = Path(name_or_path)
    if not path.is_file():
        raise UnknownName("policy", name, NAMES)
    reader = _Reader(f"policy {path.name}")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{reader.where}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{reader.where}: expected TOML in UTF-8; save it as such") from error
    return reader.read(text, path.stem, base=_BASIC)


class _Reader:
    """Checks what one file says; `where` begins every error."""

    def __init__(self, where: str) -> None:
        self.where = where

    def read(self, text: str, name: str, *, base: str | None = None) -> PolicyFile:
        """`name` and `base` are what holds where the text says none."""
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{self.where}: not valid TOML: {error}") from error
        for key in document:
            if key not in _KEYS:
                raise UnknownName(f"setting of {self.where}", key, _KEYS)
        base = document.get("base", base)
        if base is not None and base not in NAMES:
            raise UnknownName(f"base of {self.where}", str(base), NAMES)
        beneath = _NOTHING if base is None else read_policy_file(base)
        return PolicyFile(
            name=self._name(document.get("name", name)),
            options={**beneath.options, **self._options(self._table(document, "options"))},
            attributes={
                **beneath.attributes,
                **dict(self._attributes(self._table(document, "attributes"))),
            },
            oldest_birth_year=self._year(document.get("oldest_birth_year", beneath.oldest_birth_year)),
            finds_names=self._finds_names(self._table(document, "text"), beneath.finds_names),
        )

    def _table(self, document: Mapping[str, Any], key: str) -> dict[str, Any]:
        found = document.get(key, {})
        if not isinstance(found, dict):
            raise InputError(f"{self.where}, {key}: expected a table, [{key}]; found {found!r}")
        return found

    def _name(self, found: object) -> str:
        if not isinstance(found, str) or not found.strip():
            raise InputError(f"{self.where}, name: expected a text; found {found!r}")
        return found.strip()

    def _options(self, table: Mapping[str, object]) -> dict[str, bool]:
        for option in table:
            if option not in OPTION_CODES:
                raise UnknownName(f"option in {self.where}, options,", option, OPTION_CODES)
        return {option: self._truth(f"options.{option}", found) for option, found in table.items()}

    def _attributes(self, table: Mapping[str, object]) -> Iterator[tuple[int, Action | None]]:
        said: dict[int, str] = {}
        for attribute, found in table.items():
            tag = self._tag(attribute)
            if tag in said:
                raise InputError(
                    f"{self.where}, attributes.{attribute}: the same as {said[tag]}; leave one of them out"
                )
            said[tag] = attribute
            if found != _BASIC and found not in list(Action):
                raise UnknownName(
                    f"action in {self.where}, attributes.{attribute},", str(found), [_BASIC, *Action]
                )
            yield tag, None if found == _BASIC else Action(str(found))

    def _tag(self, attribute: str) -> int:
        """The tag of a keyword or of 8 hexadecimal digits."""
        tag = tag_of(attribute)
        if tag is None and len(attribute) == _HEXADECIMAL_DIGITS:
            try:
                tag = int(attribute, 16)
            except ValueError:
                tag = None
        if tag is None or tag >> 16 & 1:
            tags = (rule.tag for rule in profile_table().rules if rule.is_one_attribute)
            raise UnknownName(
                f"public DICOM attribute in {self.where}, attributes,",
                attribute,
                filter(None, (keyword_of(int(tag, 16)) for tag in tags)),
            )
        return tag

    def _year(self, found: object) -> int:
        if not isinstance(found, int) or found not in _YEARS:
            raise InputError(
                f"{self.where}, oldest_birth_year: expected a year from {_YEARS[0]} to {_YEARS[-1]}, "
                f"such as {OLDEST_BIRTH_YEAR}; found {found!r}"
            )
        return found

    def _finds_names(self, table: Mapping[str, object], beneath: bool) -> bool:
        for key in table:
            if key not in _TEXT_KEYS:
                raise UnknownName(f"setting in {self.where}, text,", key, _TEXT_KEYS)
        return self._truth("text.find_names", table.get("find_names", beneath))

    def _truth(self, key: str, found: object) -> bool:
        if not isinstance(found, bool):
            raise InputError(f"{self.where}, {key}: expected true or false; found {found!r}")
        return found


_NOTHING: Final = PolicyFile("", {}, {}, OLDEST_BIRTH_YEAR, finds_names=False)
