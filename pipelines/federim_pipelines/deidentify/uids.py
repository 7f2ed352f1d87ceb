"""Replace UIDs by keyed ones, the same everywhere for one patient, and leave the Standard's own alone."""

from __future__ import annotations

import re

from federim.keys import keyed
from federim_pipelines.deidentify.dictionaries import uids

# Storage classes and transfer syntaxes may be younger than pydicom's dictionary. No other UID under the
# Standard's root is taken on trust: devices have been known to make instance UIDs there.
_REGISTERED = re.compile(r"1\.2\.840\.10008\.(5\.1\.4\.1\.1|1\.2)(\.\d{1,3}){1,4}")


def standard_uid(uid: str) -> bool:
    """Whether `uid` is published (SOP class, transfer syntax, well-known frame of reference …).

    References
    ----------
    DICOM PS3.6, Annex A.
    """
    return uid in uids() or _REGISTERED.fullmatch(uid) is not None


def keyed_uid(key: bytes, uid: str) -> str:
    """`2.25.` and 128 bits of HMAC-SHA256 of `uid` under `key`; a standard UID comes back as it is.

    At most 44 characters. A patient's objects keep their references to one another, because the same
    UID under the same key always gives the same result.

    References
    ----------
    DICOM PS3.5, B.2 (UUID derived UID); RFC 2104.
    """
    if standard_uid(uid):
        return uid
    return f"2.25.{int.from_bytes(keyed(key, 'uid', uid)[:16])}"
