"""The sources a site may pull from: a signed list of hosts, their certificates and what they are called."""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from federim.home import Home
from federim.model.errors import InputError
from federim.signed import check, sign
from federim.trust.changes import NAME_PATTERN
from federim.trust.roots import DECIDING
from federim_pipelines.sources.drimbox.manifest import SeriesReference

KIND: Final = "drimbox-sources"


class _SourceEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=f"^{NAME_PATTERN.pattern}$")
    url: str = Field(pattern=r"^https://[^/?#@]+(/[^?#]*)?$")
    certificates: list[str] = Field(min_length=1)
    locations: list[str] = []
    issuer: str = ""


class _Entries(BaseModel):
    model_config = ConfigDict(extra="forbid")

    expires: dt.date
    source: list[_SourceEntry] = Field(min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One DRIMbox a site may pull from.

    Attributes
    ----------
    url : str
        Of its WADO-RS service, below which every series is.
    certificates : tuple of str
        SHA-256 of those it may show, 64 hexadecimal digits: the next one too while it is renewed.
    locations : tuple of str
        RetrieveLocationUIDs that mean it.
    issuer : str
        Whose patient numbers its images bear.
    """

    name: str
    url: str
    certificates: tuple[str, ...]
    locations: tuple[str, ...]
    issuer: str

    def serves(self, url: httpx.URL) -> bool:
        """Whether a URL is below this source's own, said plainly."""
        mine = httpx.URL(self.url.rstrip("/") + "/")
        return (
            (url.scheme, url.host, url.port) == (mine.scheme, mine.host, mine.port)
            and url.raw_path.startswith(mine.raw_path)
            and not url.userinfo
            and not url.query
            and not url.fragment
            and b".." not in url.raw_path
            and b"%" not in url.raw_path
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowList:
    """The sources that a home this one trusts has vouched for."""

    sources: tuple[Source, ...]
    signer: str
    expires: dt.date

    def locate(self, study: str, series: SeriesReference) -> tuple[Source, str] | None:
        """The source of a series and its URL there; None if no source on the list has it."""
        path = f"/studies/{study}/series/{series.SeriesInstanceUID}"
        if series.RetrieveURL is not None:
            try:
                url = httpx.URL(series.RetrieveURL.rstrip("/"))
            except httpx.InvalidURL:
                return None
            found = next((source for source in self.sources if source.serves(url)), None)
            return (found, str(url)) if found and url.path.endswith(path) else None
        for source in self.sources:
            if series.RetrieveLocationUID in source.locations:
                return source, source.url.rstrip("/") + path
        return None

    @classmethod
    def read(cls, home: Home, path: Path) -> Self:
        """The list in a file, its signature checked.

        Raises
        ------
        InputError
            There is no such file, it is no allow-list, or it has expired.
        NotApproved
            Its signer is not a hub or committee this home trusts.
        VerificationFailed
            It was changed after it was signed.
        """
        try:
            document = json.loads(path.read_bytes())
        except OSError as error:
            raise InputError(
                f"{path}: {error.strerror}; ask the consortium for its signed list of DRIMbox sources, or "
                "make one with federim pull sources"
            ) from None
        except ValueError:
            raise InputError(f"{path} is not valid JSON") from None
        if not isinstance(document, dict) or document.get("kind") != KIND:
            raise InputError(f"{path}: expected a signed {KIND} document")
        signer = check(home.trust_roots, document, KIND, kinds=DECIDING, what="the list of sources")
        entries = _checked({"expires": document.get("expires"), "source": document.get("sources")}, str(path))
        if entries.expires < dt.datetime.now(dt.UTC).date():
            raise InputError(f"{path} expired on {entries.expires}; ask {signer} for the current one")
        return cls(sources=_sources(entries), signer=signer, expires=entries.expires)


def signed(home: Home, path: Path) -> dict[str, Any]:
    """The list that a TOML file describes, signed by this home.

    `expires = 2027-06-30`, then one `[[source]]` each with `name`, `url`, `certificates` and, where they
    apply, `locations` and `issuer` (the OID of its patient register; its name otherwise).

    Raises
    ------
    InputError
        The file cannot be read, or an entry is not what it should be; the message names it.
    """
    try:
        entries = _checked(tomllib.loads(path.read_text()), str(path))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # TOML and UTF-8 errors
        raise InputError(f"{path} is not valid TOML ({type(error).__name__})") from None
    sources = [asdict(source) for source in _sources(entries)]
    return sign(home, KIND, {"expires": entries.expires.isoformat(), "sources": sources})


def _checked(described: dict[str, Any], place: str) -> _Entries:
    try:
        entries = _Entries(**described)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{place}, {where}: {first['msg']}") from None
    names = [entry.name for entry in entries.source]
    locations = [uid for entry in entries.source for uid in entry.locations]
    for what, values in (("name", names), ("locations", locations)):
        if len(set(values)) < len(values):
            raise InputError(f"{place}, source.{what}: the same one twice; expected each to mean one source")
    for number, entry in enumerate(entries.source):
        for certificate in entry.certificates:
            if not re.fullmatch("[0-9a-f]{64}", _digits(certificate)):
                raise InputError(
                    f"{place}, source.{number}.certificates: expected the SHA-256 fingerprint of a "
                    "certificate, 64 hexadecimal digits (openssl x509 -noout -fingerprint -sha256)"
                )
    return entries


def _sources(entries: _Entries) -> tuple[Source, ...]:
    return tuple(
        Source(
            name=entry.name,
            url=entry.url,
            certificates=tuple(_digits(certificate) for certificate in entry.certificates),
            locations=tuple(entry.locations),
            issuer=entry.issuer or entry.name,
        )
        for entry in entries.source
    )


def _digits(certificate: str) -> str:
    """A fingerprint as one word of lower-case digits; OpenSSL writes AB:CD:…"""
    return certificate.replace(":", "").strip().lower()
