"""What a run leaves at the hub: metrics as Parquet, a checkpoint a round, the final model."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from federim.lake.storage import private_files, sync
from federim_federated.records import Arrays

METRICS_SCHEMA: Final = pa.schema(
    [
        pa.field("round", pa.int32(), nullable=False),  # 0 is the round of sums
        pa.field("message", pa.string(), nullable=False),  # the message type
        pa.field("site", pa.string()),  # null: over all sites
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)

ALL_SITES: Final = None


@dataclass
class Recorder:
    """Writes into one run's folder. Every file is whole: written beside its place, then renamed."""

    folder: Path
    _rows: list[dict[str, Any]] = field(default_factory=list)

    def metrics(self, round_: int, message: str, site: str | None, values: Mapping[str, float]) -> None:
        """Keep some metrics of one site, or of all (`ALL_SITES`), until the next `flush`."""
        self._rows.extend(
            {"round": round_, "message": message, "site": site, "metric": name, "value": float(value)}
            for name, value in values.items()
        )

    def flush(self) -> None:
        """Write all metrics so far to `metrics.parquet`."""
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(self._rows, METRICS_SCHEMA), sink, compression="zstd")
        replace_file(self.folder / "metrics.parquet", sink.getvalue())

    def checkpoint(self, round_: int, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Write the model after a round: `round-0001.npz`, and what it is in `round-0001.json`."""
        self._write(f"round-{round_:04d}", arrays, {"round": round_, **facts})

    def model(self, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Write the final model: `model.npz`, and what it is in `model.json`."""
        self._write("model", arrays, facts)

    def _write(self, name: str, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        sink = io.BytesIO()
        np.savez(sink, allow_pickle=False, **arrays)
        content = sink.getvalue()
        replace_file(self.folder / f"{name}.npz", content)
        # After the arrays: a checkpoint without its JSON is one that was not finished.
        told = {**facts, "sha256": hashlib.sha256(content).hexdigest()}
        replace_file(self.folder / f"{name}.json", json.dumps(told, indent=1, sort_keys=True).encode())


def replace_file(path: Path, content: bytes) -> None:
    """Write a file only its owner can read, whole or not at all, in place of an earlier one."""
    pending = path.with_name(f".{path.name}.new")
    with private_files(), pending.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    pending.replace(path)
    sync(path.parent)
