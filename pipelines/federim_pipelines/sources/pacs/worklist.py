"""Read what to fetch from a PACS, and how, from a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from federim.model.errors import InputError
from federim_pipelines.sources.pacs.peer import Peer, application_title
from federim_pipelines.sources.pacs.query import Query, check_query
from federim_pipelines.sources.pacs.throttle import Hours, Throttle


class Way(StrEnum):
    """How a PACS sends a study."""

    GET = "get"  # on the association that asks for it
    MOVE = "move"  # to where it knows us


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkList:
    """Studies to fetch from one PACS.

    With `Way.MOVE` the studies come to `aet`, which the PACS knows: to a port of this pull, or, where that
    is None, to a `federim receive` that listens under this title.
    """

    peer: Peer
    aet: str
    queries: tuple[Query, ...]
    way: Way
    host: str
    port: int | None
    throttle: Throttle

    @classmethod
    def load(cls, path: Path) -> WorkList:
        """Read a work list.

        Raises
        ------
        InputError, UnknownName
            The file is no TOML, or a setting of it cannot be used.
        """
        try:
            settings = tomllib.loads(path.read_text())
        except OSError as error:
            raise InputError(f"work list {path} cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"work list {path} is not valid TOML") from error
        return cls.of(_checked(settings, f"work list {path}"))

    @classmethod
    def of(cls, file: _File) -> WorkList:
        """The work list that settings make.

        Raises
        ------
        InputError, UnknownName
            A setting cannot be used.
        """
        for query in file.query:
            check_query(query)
        throttle = Throttle(
            hours=tuple(Hours.parse(each) for each in file.hours),
            pause=file.pause,
            associations=file.associations,
        )
        return cls(
            peer=Peer.parse(file.pacs),
            aet=application_title(file.aet),
            queries=tuple(file.query),
            way=file.retrieve,
            host=file.host,
            port=file.port,
            throttle=throttle,
        )


class _File(BaseModel):
    """The settings of a work list, as they are written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pacs: str
    aet: str
    retrieve: Way = Way.GET
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    hours: tuple[str, ...] = ()
    pause: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    associations: Annotated[int, Field(ge=1, le=16)] = 1
    query: Annotated[tuple[dict[str, str], ...], Field(min_length=1)]


def work_list(**settings: Any) -> WorkList:
    """The work list of the same settings given otherwise than in a file; raise as `WorkList.load`."""
    return WorkList.of(_checked(settings, "options"))


def _checked(settings: dict[str, Any], place: str) -> _File:
    try:
        return _File(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        # Pydantic's own message is about the kind of value; a query's value may be a patient's.
        raise InputError(f"{place}, setting {where!r}: {first['msg']}") from None
