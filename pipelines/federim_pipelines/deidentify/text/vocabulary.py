"""The words a description may keep: every other word of it is dropped."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

# One folded word a line; `#` begins a comment. A site that misses a word proposes it for these files, so that
# every site of a federation keeps the same words.
FOLDER = Path(__file__).parent / "words"

_COMMENT = re.compile("#.*")


@cache
def words() -> frozenset[str]:
    """Every word of the files, units included, folded as `spelling.fold` does."""
    return frozenset().union(*(_read(file) for file in sorted(FOLDER.glob("*.txt"))))


@cache
def units() -> frozenset[str]:
    """Words that make a technical number of the number before them, folded: MM, KV, BPM."""
    return _read(FOLDER / "units.txt")


@cache
def digest() -> str:
    """SHA-256 of the words, hexadecimal: the same words give the same, however the files are laid out."""
    return hashlib.sha256("\n".join(sorted(words())).encode()).hexdigest()


def _read(file: Path) -> frozenset[str]:
    return frozenset(_COMMENT.sub("", file.read_text(encoding="ascii")).upper().split())
