"""One decoded series as a sharded Zarr v3 array, with a seal that only its home can make."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from federim.keys import keyed
from federim.lake.storage import sync

SEAL: Final = "seal"
METADATA: Final = "zarr.json"
AXES: Final = ("slice", "row", "column")

_CHUNK_BYTES: Final = 1 << 20
_ZSTD_LEVEL: Final = 1  # of noisy voxels, higher levels take longer and save a few per cent


def encoded(voxels: NDArray[np.float32], attributes: Mapping[str, Any], *, key: bytes) -> dict[str, bytes]:
    """The files of an array by name: its metadata, its shard, and the seal over both.

    Parameters
    ----------
    voxels : shape (slices, rows, columns)
    attributes : JSON values that say what it is
    key : of the home, 32 bytes
    """
    files = _encoded(voxels, attributes)
    files[SEAL] = seal(files, key=key).encode()
    return files


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder of `encoded` files, all of it on the disk."""
    folder.mkdir()
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content)
        sync(path)
    sync(folder)


def read(folder: Path, attributes: Mapping[str, Any], *, key: bytes) -> NDArray[np.float32] | None:
    """The array in a folder; None where there is none, or not the very one that was `encoded` of this.

    Nothing is decoded before the seal over every byte holds.
    """
    try:
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
    except OSError:  # not there, or removed meanwhile
        return None
    told = files.pop(SEAL, b"")
    if not hmac.compare_digest(told, seal(files, key=key).encode()):
        return None
    if json.loads(files[METADATA])["attributes"] != attributes:
        return None
    return _decoded(files)


def seal(files: Mapping[str, bytes], *, key: bytes) -> str:
    """HMAC-SHA256 over names and contents, 64 hexadecimal digits."""
    return keyed(key, *(part for name in sorted(files) for part in (name, files[name]))).hex()


# Zarr is imported where it is used: it belongs to the extra `train`, and not every home trains.


def _encoded(voxels: NDArray[np.float32], attributes: Mapping[str, Any]) -> dict[str, bytes]:
    import zarr
    from zarr.codecs import ZstdCodec
    from zarr.storage import MemoryStore

    slices, rows, columns = voxels.shape
    planes = min(slices, max(1, _CHUNK_BYTES // (rows * columns * voxels.itemsize)))
    store = MemoryStore()
    zarr.create_array(
        store=store,
        data=voxels,
        chunks=(planes, rows, columns),
        shards=(-(-slices // planes) * planes, rows, columns),
        compressors=ZstdCodec(level=_ZSTD_LEVEL),
        fill_value=0.0,
        # One file in one folder, not one in four.
        chunk_key_encoding={"name": "default", "separator": "."},
        dimension_names=AXES,
        attributes=dict(attributes),
        zarr_format=3,
    )
    return {name: content.to_bytes() for name, content in store._store_dict.items()}


def _decoded(files: Mapping[str, bytes]) -> NDArray[np.float32]:
    import zarr
    from zarr.core.buffer import default_buffer_prototype
    from zarr.storage import MemoryStore

    buffer = default_buffer_prototype().buffer
    store = MemoryStore({name: buffer.from_bytes(content) for name, content in files.items()}, read_only=True)
    voxels: NDArray[np.float32] = np.ascontiguousarray(zarr.open_array(store=store, mode="r")[:])
    return voxels
