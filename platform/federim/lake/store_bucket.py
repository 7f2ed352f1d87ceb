"""Keep files under the hash of their content in an S3 bucket.

What a folder does with modes, fsync and rename, a bucket does otherwise: a put is atomic, and durable once it
is answered; a small one is conditional on nobody having made the name before; and whoever may write there may
overwrite, so that what is read is compared with its hash.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store

from federim.lake.bucket import bucket_may_refuse
from federim.lake.copies import ObjectCopies
from federim.lake.store import Content, Listed, is_name, missing, sha256_of
from federim.model.errors import LakeError

if TYPE_CHECKING:
    from obstore import PutResult

PART_BYTES: Final = 8 * 2**20
PARTS_AT_ONCE: Final = 4
NAMES_A_PAGE: Final = 1_000  # as S3 answers at most

OWNER: Final = "federim-owner"
PROBE: Final = "federim-probe"


class BucketStore:
    """A `Store` in a bucket, with copies on this machine of what was used last.

    Parameters
    ----------
    owner : str
        What tells this home from others: two that share a place would remove each other's files.
    """

    def __init__(self, bucket: S3Store, copies: ObjectCopies, *, owner: str) -> None:
        self._bucket = bucket
        self._copies = copies
        self._owner = owner.encode()

    def prepare(self) -> None:
        """See that the place is this home's, and that what is removed from it is gone.

        That is seen by writing, which needs no right that the home has not: a bucket that keeps versions
        gives each a name (S3 API, PutObject, x-amz-version-id).
        """
        try:
            with bucket_may_refuse():
                self._own()
                self._see_it_forgets(obstore.put(self._bucket, PROBE, b"", mode="overwrite"))
        except FileNotFoundError:
            raise LakeError("the bucket that objects_url names is not there") from None
        self._copies.trim()

    def put(self, name: str, content: bytes | Content) -> None:
        sha256_of(name)
        if isinstance(content, bytes):
            self._upload(name, content, len(content))
        elif content.size > PART_BYTES and self.has(name):
            return
        else:
            self._copies.add(name, content.write, lambda part: self._upload(name, part, content.size))

    def has(self, name: str) -> bool:
        sha256_of(name)
        try:
            self._size(name)
        except FileNotFoundError:
            return False
        return True

    def local(self, name: str) -> Path:
        sha256_of(name)
        held = self._copies.held(name)
        if held is not None:
            return held
        try:
            return self._copies.add(name, lambda descriptor: self._download(name, descriptor), lambda _: None)
        except FileNotFoundError:
            raise missing(name) from None

    def remove(self, name: str) -> None:
        sha256_of(name)
        # First in the bucket: a copy made in between is of what was there still.
        with bucket_may_refuse(), suppress(FileNotFoundError):
            obstore.delete(self._bucket, name)
        self._copies.remove(name)

    def sha256(self, name: str) -> str | None:
        sha256_of(name)
        try:
            return self._stream(name, lambda _: None)
        except FileNotFoundError:
            return None

    def listed(self) -> Iterator[Sequence[Listed]]:
        pages = iter(obstore.list(self._bucket, chunk_size=NAMES_A_PAGE))
        while True:
            with bucket_may_refuse():
                page = next(pages, None)
            if page is None:
                return
            yield [
                Listed(each["path"], each["size"], each["last_modified"].timestamp())
                for each in page
                if is_name(each["path"])
            ]

    def _size(self, name: str) -> int:
        with bucket_may_refuse():
            return obstore.head(self._bucket, name)["size"]

    def _upload(self, name: str, content: bytes | Path, size: int) -> None:
        try:
            with bucket_may_refuse():
                if size <= PART_BYTES:
                    try:
                        made = obstore.put(self._bucket, name, content, mode="create")
                    except AlreadyExistsError:
                        return
                else:
                    # Parts cannot be conditional; whoever is first, the same bytes have the same name.
                    made = obstore.put(
                        self._bucket, name, content, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
                    )
        except FileNotFoundError:
            raise LakeError("the bucket that objects_url names is not there") from None
        self._see_it_forgets(made)

    def _download(self, name: str, descriptor: int) -> None:
        def write(content: memoryview) -> None:
            while content:
                content = content[os.write(descriptor, content) :]

        if self._stream(name, write) != sha256_of(name):
            raise LakeError(f"objects/{name} is not what was stored; restore it from the site's backup")

    def _stream(self, name: str, take: Callable[[memoryview], None]) -> str:
        """Have `take` get the file's bytes, and return their hash."""
        digest = hashlib.sha256()
        with bucket_may_refuse():
            for chunk in obstore.get(self._bucket, name).stream(PART_BYTES):
                content = memoryview(chunk)
                digest.update(content)
                take(content)
        return digest.hexdigest()

    def _own(self) -> None:
        try:
            self._see_it_forgets(obstore.put(self._bucket, OWNER, self._owner, mode="create"))
        except AlreadyExistsError:
            if bytes(obstore.get(self._bucket, OWNER).bytes()) != self._owner:
                raise LakeError("objects_url names the place of another home; give each its own") from None

    def _see_it_forgets(self, made: PutResult) -> None:
        # "null" is the name where no versions are kept.
        if made["version"] not in (None, "null"):
            raise LakeError(
                "the bucket of objects_url keeps versions, and so what is erased; "
                "use a bucket on which versioning was never enabled"
            )
