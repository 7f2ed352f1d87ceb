"""Say what DuckDB refused, in words that hold no value."""

from __future__ import annotations

import re
from collections.abc import Iterable

import duckdb

from federim.model.errors import QueryRefused, UnknownName, UserError

ONLY_READING = "a query may only read the tables it was given: `federim lake tables` lists them"
# DuckDB repeats the query under the message, and a query may hold a patient's value.
_QUERY_ECHO = re.compile(r"\n+LINE (\d+):.*", re.DOTALL)
_LITERAL = re.compile(r"'(?:[^']|'')*'")
# The configuration's lock, and the pinned files' own refusal, which reaches us as a traceback in a string.
_LOCKS = ("has been locked", "PermissionError")
_NO_TABLE = re.compile(r"Table with name (\S+) does not exist")
_NO_COLUMN = re.compile(r'Referenced column "([^"]+)" (?:was )?not found')

# Kinds whose text quotes data ("Could not convert string 'x'"), so a sentence of ours stands for it.
_SENTENCES: tuple[tuple[type[duckdb.Error], str], ...] = (
    (
        duckdb.ConversionException,
        "a value is not of the type the query asks for; try_cast gives null instead",
    ),
    (duckdb.OutOfRangeException, "a value is too large or too small for its type"),
    (duckdb.ParserException, "the query is not valid SQL"),
    (
        duckdb.OutOfMemoryException,
        "the query needs more memory than the home's query_memory setting allows",
    ),
)


def translate(error: duckdb.Error, *, tables: Iterable[str], columns: Iterable[str]) -> UserError:
    """The error to raise in the place of DuckDB's; a name could have meant `tables` or `columns`."""
    said = str(error)
    where = f" (line {echo[1]} of the query)" if (echo := _QUERY_ECHO.search(said)) else ""
    if isinstance(error, duckdb.PermissionException) or any(words in said for words in _LOCKS):
        return QueryRefused(ONLY_READING)
    for kind, sentence in _SENTENCES:
        if isinstance(error, kind):
            return UserError(f"{sentence}{where}")
    if missing := _NO_TABLE.search(said):
        return UnknownName("table", missing[1], tables)
    if missing := _NO_COLUMN.search(said):
        return UnknownName("column", missing[1], columns)
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException):
        text = _LITERAL.sub("'…'", _QUERY_ECHO.sub("", said)).replace("\n", " ")
        return UserError(f"{text}{where}")
    return UserError(f"the query failed: {type(error).__name__.removesuffix('Exception')}{where}")
