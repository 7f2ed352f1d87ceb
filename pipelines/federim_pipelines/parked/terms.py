"""How a run was told to read, so that what it parked is read in the same way, whatever the next is told."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from federim.home import Home
from federim.keys import canonical
from federim_pipelines.deidentify.policy.files import NAMES
from federim_pipelines.worker import Task

UNPACKED = "terms-"  # what the folders of `Terms.unpacked` are called


@dataclass(frozen=True, slots=True)
class Told:
    """A file the run was given: its name and its text."""

    name: str
    text: str

    @classmethod
    def read(cls, path: Path) -> Self:
        return cls(path.name, path.read_text(encoding="utf-8"))

    def write(self, folder: Path) -> Path:
        folder.mkdir()
        path = folder / self.name
        path.write_text(self.text, encoding="utf-8")
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The part of a `Task` that belongs to the input and not to the moment it is read."""

    policy: str | Told  # the package's own by its name
    mapping: Told | None
    dispositions: Told | None
    issuer: str
    test_identities: bool

    @classmethod
    def of(cls, task: Task) -> Self:
        """The terms of a run, its files as they are now."""
        return cls(
            policy=task.policy if task.policy in NAMES else Told.read(Path(task.policy)),
            mapping=None if task.mapping is None else Told.read(task.mapping),
            dispositions=None if task.dispositions is None else Told.read(task.dispositions),
            issuer=task.issuer,
            test_identities=task.test_identities,
        )

    @classmethod
    def load(cls, content: bytes) -> Self:
        """What `as_bytes` wrote."""
        told: dict[str, Any] = json.loads(content)
        for name in ("policy", "mapping", "dispositions"):
            if isinstance(told[name], dict):
                told[name] = Told(**told[name])
        return cls(**told)

    def as_bytes(self) -> bytes:
        """The terms in one spelling."""
        return canonical(asdict(self))

    @contextmanager
    def task(self, home: Home, *, year: int, denied: frozenset[str]) -> Iterator[Task]:
        """A task on these terms, whose files are in the home's staging as long as the block lasts."""
        with tempfile.TemporaryDirectory(prefix=UNPACKED, dir=home.staging) as name:
            folder = Path(name)
            yield Task(
                home=home.root,
                policy=self.policy
                if isinstance(self.policy, str)
                else str(self.policy.write(folder / "policy")),
                mapping=None if self.mapping is None else self.mapping.write(folder / "mapping"),
                year=year,
                denied=denied,
                dispositions=None
                if self.dispositions is None
                else self.dispositions.write(folder / "dispositions"),
                issuer=self.issuer,
                test_identities=self.test_identities,
            )
