"""Keep the list of sites that may ask, each by its certificates and with what it may ask for."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from federim.model.errors import InputError, UnknownName
from federim.trust.changes import NAME_PATTERN

PER_MINUTE: Final = 10_000
_FEWEST_A_DAY: Final = 10_000
_DAYS_OF_A_FIRST_INGEST: Final = 4
# Messages are padded, patients are seen twice, and sites grow.
_POINTS_A_PATIENT: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A site that may ask.

    Every limit counts points, padding too. Together they make it hopeless to enumerate the INS: there are
    some 70 million of persons alive, and a ceiling is a small part of them whatever the time one takes.
    """

    name: str
    certificates: tuple[str, ...]  # SHA-256, 64 hexadecimal digits
    patients: int  # how many the site has, as its operator was told
    per_minute: int
    per_day: int
    ceiling: int  # in one epoch

    @classmethod
    def of_size(
        cls,
        name: str,
        patients: int,
        *,
        per_minute: int | None = None,
        per_day: int | None = None,
        ceiling: int | None = None,
    ) -> Site:
        """A site whose limits, where none is given, are those that its number of patients needs."""
        return cls(
            name=name,
            certificates=(),
            patients=patients,
            per_minute=per_minute or PER_MINUTE,
            per_day=per_day or max(_FEWEST_A_DAY, patients // _DAYS_OF_A_FIRST_INGEST),
            ceiling=ceiling or _POINTS_A_PATIENT * patients + _FEWEST_A_DAY,
        )


class SiteList:
    """The list, in a file that a running service reads again once it was changed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "sites.json"
        self._read: tuple[tuple[int, int], dict[str, Site]] | None = None

    def all(self) -> dict[str, Site]:
        """The sites, by name.

        Raises
        ------
        InputError
            The file is damaged.
        """
        try:
            found = self._path.stat()
            # Each change is a new file, put in the place of the one before.
            stamp = found.st_ino, found.st_mtime_ns
            if self._read is None or self._read[0] != stamp:
                written = json.loads(self._path.read_bytes())
                sites = {
                    name: Site(name=name, certificates=tuple(told.pop("certificates")), **told)
                    for name, told in written.items()
                }
                self._read = stamp, sites
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"{self._path}: not a list of sites ({type(error).__name__}); restore it from a backup"
            ) from None
        return self._read[1]

    def bearer(self, fingerprint: str) -> Site | None:
        """The site that a certificate (SHA-256, hexadecimal) is of, if it is one's."""
        return next((site for site in self.all().values() if fingerprint in site.certificates), None)

    def add(self, site: Site, fingerprint: str) -> Site:
        """Let a site ask under a certificate, besides those it has; its limits become those given.

        Raises
        ------
        InputError
            The name is malformed, or the certificate is another site's.
        """
        if not NAME_PATTERN.fullmatch(site.name):
            raise InputError(f"site {site.name!r}: expected lower-case letters, digits, hyphens; at most 40")
        with self._changing() as sites:
            owner = self.bearer(fingerprint)
            if owner is not None and owner.name != site.name:
                raise InputError(f"this certificate is already {owner.name}'s; a certificate is one site's")
            known = sites[site.name].certificates if site.name in sites else ()
            certificates = tuple(dict.fromkeys((*known, fingerprint)))
            sites[site.name] = replace(site, certificates=certificates)
            return sites[site.name]

    def remove(self, name: str) -> None:
        """Let a site ask no more, under any certificate.

        Raises
        ------
        UnknownName
            There is no such site.
        """
        with self._changing() as sites:
            if sites.pop(name, None) is None:
                raise UnknownName("site", name, sites)

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Site]]:
        with os.fdopen(os.open(f"{self._path}.lock", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            sites = dict(self.all())
            yield sites
            pending = self._path.with_suffix(".new")
            told = {
                name: {k: v for k, v in asdict(site).items() if k != "name"} for name, site in sites.items()
            }
            with os.fdopen(os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(told, file, indent=1, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            pending.replace(self._path)


def fingerprint_of(certificate: Path) -> str:
    """The SHA-256 of the first certificate in a PEM file, 64 hexadecimal digits.

    Raises
    ------
    InputError
        The file cannot be read, or holds no certificate.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(SHA256()).hex()
    except (OSError, ValueError) as error:
        raise InputError(f"{certificate}: expected a PEM certificate ({type(error).__name__})") from None
