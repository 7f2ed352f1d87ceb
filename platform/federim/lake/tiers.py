"""Choose which small files to join, so that no row is written anew more often than the lake grows by half."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

LARGER: Final = 2  # than those before it together: a file that begins a group of its own


def worth_joining(sizes: Mapping[Path, int]) -> list[Path]:
    """Of a bucket's files, those of like size that are most; none is much larger than the others together.

    Parameters
    ----------
    sizes : bytes by file

    References
    ----------
    Size-tiered compaction, from O'Neil et al. 1996, The Log-Structured Merge-Tree, Acta Informatica 33.
    """
    groups: list[list[Path]] = [[]]
    together = 0
    for size, path in sorted((size, path) for path, size in sizes.items()):
        if size > LARGER * together:
            groups.append([])
            together = 0
        groups[-1].append(path)
        together += size
    return max(groups, key=len)
