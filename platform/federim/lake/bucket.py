"""Reach an S3 bucket: its address is a setting, what opens it never is."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from federim.home import Home
from federim.model.errors import HomeError, LakeError

if TYPE_CHECKING:
    from obstore.store import S3Config

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
GIVE_UP: Final = timedelta(seconds=60)
RETRIES: Final = 5

_KEYS: Final = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
}


def bucket_of(home: Home, url: str) -> S3Store:
    """The place that `url` (s3://BUCKET/PREFIX) names, reached as the home's settings say.

    Credentials are those of the file that `s3_credentials` names, else of the environment, the container or
    the machine's instance profile, as for any client of S3.

    Raises
    ------
    HomeError
        The file of credentials cannot be used, or others than its owner may read it.
    """
    address, settings = urlsplit(url), home.settings
    # Nothing but loopback is reached without TLS, whatever the environment says.
    plain = urlsplit(settings.s3_endpoint).hostname in LOOPBACK
    told = {"endpoint": settings.s3_endpoint, "region": settings.s3_region, **_credentials(home)}
    prefix = address.path.strip("/")
    return S3Store(
        address.netloc,
        prefix=prefix or None,
        # The server compares what came with what was sent.
        config=cast(
            "S3Config", {"checksum_algorithm": "SHA256"} | {key: told[key] for key in told if told[key]}
        ),
        client_options={"allow_http": plain},
        retry_config={"max_retries": RETRIES, "retry_timeout": GIVE_UP},
    )


@contextmanager
def bucket_may_refuse() -> Iterator[None]:
    """Turn whatever a bucket answers, but that a name is not there, into a `LakeError`.

    The answers themselves are not repeated: they hold addresses, account names and keys' identifiers.
    """
    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError):
        raise LakeError(
            "the object store refuses this home's credentials; see s3_credentials and the bucket's policy"
        ) from None
    except BaseError as error:
        raise LakeError(
            f"the object store does not do what it was asked ({type(error).__name__}); "
            "see that it runs and can be reached, and what the bucket's policy allows, then run again"
        ) from None


def _credentials(home: Home) -> dict[str, str]:
    if not home.settings.s3_credentials:
        return {}
    path = home.root / Path(home.settings.s3_credentials)
    try:
        with path.open() as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise HomeError("the file of s3_credentials is open to others than its owner; chmod 0400 it")
            # Percent signs are part of keys.
            written = configparser.ConfigParser(interpolation=None)
            written.read_file(file)
        told = written["default"]
        found = {ours: told[theirs] for theirs, ours in _KEYS.items() if theirs in told}
    except OSError as error:
        raise HomeError(f"the file of s3_credentials cannot be read: {error.strerror}") from None
    except (configparser.Error, KeyError, UnicodeDecodeError):
        # What these say quotes lines of the file.
        found = {}
    if not {"access_key_id", "secret_access_key"} <= found.keys():
        raise HomeError(
            "the file of s3_credentials does not hold a [default] section with aws_access_key_id and "
            "aws_secret_access_key"
        )
    return found
