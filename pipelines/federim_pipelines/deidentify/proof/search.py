"""Search bytes once for all the spellings of one patient's identifying values."""

from __future__ import annotations

import string
import unicodedata
from functools import lru_cache

from ahocorasick_rs import (
    MATCHKIND_LEFTMOST_FIRST,
    MATCHKIND_STANDARD,
    BytesAhoCorasick,
    MatchKind,
)

from federim_pipelines.deidentify.proof.charset import written
from federim_pipelines.deidentify.proof.identity import Identity
from federim_pipelines.deidentify.proof.spellings import Spelling, spellings

# One for each study of a patient. Files come series by series, so few are needed at a time.
SEARCHES = 256

_ALPHANUMERIC = frozenset(string.ascii_letters.encode() + string.digits.encode())
_LOWER = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_OTHERS = bytes(code for code in range(256) if code not in _ALPHANUMERIC)
_SPACED = bytes(_LOWER[code] if code in _ALPHANUMERIC else 32 for code in range(256))
# How Latin letters as wide as Chinese ones begin in UTF-8.
_WIDE = BytesAhoCorasick([b"\xef\xbc", b"\xef\xbd"], matchkind=MATCHKIND_LEFTMOST_FIRST)


class Search:
    """All spellings of one set of identifying values, ready to be looked for at once."""

    def __init__(self, found: list[Spelling]) -> None:
        strewn = [(trace, each) for each in found if not each.word for trace in each.traces]
        words = [(trace, each) for each in found if each.word for trace in each.traces]
        # Of strings that overlap it finds only one, but several times as fast as those that find all.
        self._first = _engine([trace for trace, _ in strewn + words], MATCHKIND_LEFTMOST_FIRST)
        self._strewn = _All(strewn)
        self._words = _All([(b" " + trace, each) for trace, each in words])
        self._exact = _All([(form, each) for each in found for form in each.exact])

    def suspects(self, content: bytes) -> list[Spelling]:
        """The spellings `content` may hold: none is missed, and a closer look tells which are there.

        A pass over its letters and digits alone, as if nothing parted them; then one over its words; and
        one over the bytes as they are, for names in no Latin script.
        """
        if _WIDE.find_matches_as_indexes(content):
            content += unicodedata.normalize("NFKC", written(content)).encode()
        found = self._exact.met(content)
        together = content.translate(_LOWER, _OTHERS)
        if self._first is not None and self._first.find_matches_as_indexes(together):
            found += self._strewn.met(together) + self._words.met(b" " + content.translate(_SPACED))
        return list(dict.fromkeys(found))


class _All:
    """Finds every one of several strings, each of a spelling."""

    def __init__(self, strings: list[tuple[bytes, Spelling]]) -> None:
        self._spellings = [each for _, each in strings]
        self._engine = _engine([form for form, _ in strings], MATCHKIND_STANDARD)

    def met(self, content: bytes) -> list[Spelling]:
        if self._engine is None:
            return []
        matches = self._engine.find_matches_as_indexes(content, overlapping=True)
        return [self._spellings[which] for which in {which for which, _, _ in matches}]


def _engine(strings: list[bytes], kind: MatchKind) -> BytesAhoCorasick | None:
    return BytesAhoCorasick(strings, matchkind=kind) if strings else None


def search_for(identity: Identity) -> Search:
    """The search for an identity's values, made once for all the files that have the same."""
    return _made(identity.values, identity.charset)


@lru_cache(maxsize=SEARCHES)
def _made(values: tuple[tuple[int, bytes], ...], charset: bytes) -> Search:
    return Search(spellings(values, charset))
