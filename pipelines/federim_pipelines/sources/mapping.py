"""A column mapping: what a data manager writes, in TOML, to say what the columns of CSV files mean.

One `[[file]]` a kind of file. Anything but the pattern and the person's key may be left out::

    [[file]]
    pattern = "biology_*.csv"         # matched against the file's name
    delimiter = ";"                   # "," if not said
    encoding = "cp1252"               # "utf-8" if not said
    decimal = ","                     # "." if not said
    missing = ["", "NA", "-1"]        # cells that hold no value; [""] if not said
    id = ["result_number"]            # columns that name a row; without them a row is known by all it says

    [file.person]
    key = "IPP"                       # the column that says whose row it is
    issuer = "lab"                    # who gave that number; the site's own patient register if not said
    sex = { column = "SEX", male = ["M"], female = ["F"] }
    birth = { column = "BORN", format = "%d/%m/%Y" }
    # or  = { column = "YEAR", written = "year" }
    # or  = { column = "age", written = "age", year_column = "visit_year", oldest = ["> 89"] }

    [file.date]                       # of every fact in the row; a fact may have its own
    column = "SAMPLED"
    format = "%d/%m/%Y %H:%M"         # ISO 8601 if not said
    # or  day = 2015-06-30                                        the same day for all
    # or  column = "offset", offset = "min", day = 2015-01-01     d, h or min after that day

    [[file.measurement]]              # wide: one column a variable
    column = "creatinine"
    code = "14682-9"
    system = "http://loinc.org"
    unit = "umol/L"

    [[file.measurement]]              # long: code and unit in columns of their own
    column = "RESULT"
    code_column = "LOINC"
    system = "http://loinc.org"
    unit_column = "UNIT"
    low_column = "LOW"                # limits of normal, in the same unit
    high_column = "HIGH"

    [[file.observation]]              # neither measured nor a diagnosis: only the values listed get in,
    column = "discharge"              # since free text may name a person (or say `number = true`)
    code = "discharge-status"
    values = ["Alive", "Expired"]

    [[file.condition]]                # a diagnosis in a column of its own
    column = "diabetes"
    present = ["1", "yes"]
    code = "E11.9"
    system = "http://hl7.org/fhir/sid/icd-10"

    [[file.procedure]]                # an act whose code is in a column
    code_column = "CCAM"
    system = "CCAM"                   # a system's URI, OID or usual name: LOINC, CIM-10, CCAM, ATC …

    [[file.drug]]                     # a drug given
    code_column = "ATC"
    system = "ATC"
    quantity_column = "DOSE"
    unit = "mg"                       # or unit_column

A file that tells sex or birth is a register: the persons it names become known. Any other speaks of
persons known already, and a row about someone else is quarantined; `registers = true` under
`[file.person]` makes it a register.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from federim.keys import canonical
from federim.model.errors import InputError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sex(_Part):
    """Where the sex is, and how it is written; anything else is unknown."""

    column: str
    male: tuple[str, ...]
    female: tuple[str, ...]


class Birth(_Part):
    """Where birth is told: by its date, its year, or an age in a given year."""

    column: str
    written: Literal["date", "year", "age"] = "date"
    format: str = ""
    year: int | None = None
    year_column: str | None = None
    oldest: tuple[str, ...] = ()  # words for the group of the oldest ages

    @model_validator(mode="after")
    def _age_needs_a_year(self) -> Self:
        if (self.written == "age") != ((self.year is None) != (self.year_column is None)):
            raise ValueError('written = "age", and nothing else, needs either year or year_column')
        return self


class PersonColumns(_Part):
    """Who a row is about."""

    key: str
    issuer: str = ""
    sex: Sex | None = None
    birth: Birth | None = None
    registers: bool | None = None

    @property
    def is_register(self) -> bool:
        """Whether the file makes persons known, rather than speaking of known ones."""
        return bool(self.sex or self.birth) if self.registers is None else self.registers


class When(_Part):
    """When a fact was: a column, a day, or a column of delays after a day."""

    column: str | None = None
    format: str = ""
    day: dt.date | None = None
    offset: Literal["d", "h", "min"] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        both = self.column is not None and self.day is not None
        if both != (self.offset is not None) or (self.column is None and self.day is None):
            raise ValueError("give column, or day, or the three of column, offset and day")
        return self


class _Coded(_Part):
    """A fact's code: one for the file, or one a row."""

    code: str | None = None
    code_column: str | None = None
    system: str | None = None
    date: When | None = None

    @model_validator(mode="after")
    def _one_code(self) -> Self:
        if (self.code is None) == (self.code_column is None):
            raise ValueError("give either code or code_column")
        return self


class Measured(_Coded):
    """A number with a unit, in `column`."""

    column: str
    unit: str | None = None
    unit_column: str | None = None
    low_column: str | None = None
    high_column: str | None = None


class Observed(_Coded):
    """A fact whose value is one of `values`, or a number without a unit."""

    column: str
    values: tuple[str, ...] = ()
    number: bool = False

    @model_validator(mode="after")
    def _listed_or_number(self) -> Self:
        if bool(self.values) == self.number:
            raise ValueError("give either values or number = true")
        return self


class Happened(_Coded):
    """A diagnosis or an act: its code in a column, or a given code where `column` holds one of `present`."""

    column: str | None = None
    present: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _present_where(self) -> Self:
        if len({self.code is not None, self.column is not None, bool(self.present)}) != 1:
            raise ValueError("a given code needs column and present; code_column needs neither")
        return self


class Given(Happened):
    """A drug; its dose, if the row tells it, is in `quantity_column`."""

    quantity_column: str | None = None
    unit: str | None = None
    unit_column: str | None = None


class CsvFile(_Part):
    """What the columns of one kind of file mean."""

    model_config = ConfigDict(extra="forbid", frozen=True, ignored_types=(cached_property,))

    pattern: str
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    missing: tuple[str, ...] = ("",)
    id: tuple[str, ...] = ()
    person: PersonColumns
    date: When | None = None
    measurement: tuple[Measured, ...] = ()
    observation: tuple[Observed, ...] = ()
    condition: tuple[Happened, ...] = ()
    procedure: tuple[Happened, ...] = ()
    drug: tuple[Given, ...] = ()

    @field_validator("encoding")
    @classmethod
    def _one_byte_newlines(cls, encoding: str) -> str:
        # Files are cut where a byte is a newline, which UTF-16 does not have.
        try:
            usable = '\n",;'.encode(encoding) in (b'\n",;', b'\xef\xbb\xbf\n",;')
        except LookupError:
            usable = False
        if not usable:
            raise ValueError("expected an encoding that extends ASCII, such as utf-8 or cp1252")
        return encoding

    def covers(self, name: str) -> bool:
        return fnmatchcase(name, self.pattern)

    @cached_property
    def columns(self) -> frozenset[str]:
        """Every column the mapping speaks of."""
        return frozenset(_columns(self))

    @cached_property
    def fingerprint(self) -> bytes:
        """The mapping in one spelling: a row read under another one is another record's content."""
        return canonical(self.model_dump(mode="json"))


class Mapping(_Part):
    """All files a mapping covers, the first that matches wins."""

    file: tuple[CsvFile, ...] = Field(min_length=1)

    def covering(self, name: str) -> CsvFile | None:
        """The part that speaks of a file called `name`."""
        return next((part for part in self.file if part.covers(name)), None)


def load_mapping(path: Path) -> Mapping:
    """Read a mapping.

    Raises
    ------
    InputError
        No such file, not TOML, or a setting that is unknown, missing or unusable; the message names it.
    """
    try:
        return Mapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"mapping {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"mapping {path.name} is not valid TOML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"mapping {path.name}, {where}: {first['msg']}") from error


def _columns(part: BaseModel) -> Iterator[str]:
    """The text of every setting called key, column, …_column or id, at any depth."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        if name in ("key", "column") or name.endswith("_column"):
            if value is not None:
                yield value
        elif name == "id":
            yield from value
        else:
            for inner in value if isinstance(value, tuple) else (value,):
                if isinstance(inner, BaseModel):
                    yield from _columns(inner)
