"""Read bytes as text, whatever character set they were written in."""

from __future__ import annotations

import codecs
import unicodedata

# Defined term of SpecificCharacterSet → Python's codec. Terms with extensions are read by their escapes.
_CODECS = {
    "ISO_IR 13": "shift_jis",
    "ISO_IR 100": "latin-1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 166": "tis_620",
    "ISO_IR 192": "utf-8",
    "ISO_IR 203": "iso8859_15",
    "GB18030": "gb18030",
    "GBK": "gbk",
    "ISO 2022 IR 13": "shift_jis",
    "ISO 2022 IR 58": "gb2312",
    "ISO 2022 IR 87": "iso2022_jp",
    "ISO 2022 IR 149": "euc_kr",
    "ISO 2022 IR 159": "iso2022_jp_2",
}
_ESCAPES = (
    b"\x1b$)C",
    b"\x1b$)A",
)  # the Korean and Chinese sets are then in the upper half, as in their codecs
_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)  # what Unicode does not decompose


def codecs_of(declared: bytes) -> tuple[str, ...]:
    """Python's codecs for a SpecificCharacterSet value, then the two most likely where it lies.

    References
    ----------
    DICOM PS3.3, C.12.1.1.2.
    """
    terms = [term.strip(" \0") for term in declared.decode("latin-1").split("\\")]
    named = [_CODECS.get(term) or _CODECS.get(term.replace("ISO 2022 IR", "ISO_IR")) for term in terms]
    return tuple(dict.fromkeys([codec for codec in named if codec] + ["utf-8", "latin-1"]))


def readings(value: bytes, codecs: tuple[str, ...]) -> list[str]:
    """Every text `value` may be: one for each codec that can read it."""
    for escape in _ESCAPES:
        value = value.replace(escape, b"")
    found: dict[str, None] = {}
    for codec in codecs:
        try:
            found[value.decode(codec).strip(" \0\r\n\t")] = None
        except (UnicodeDecodeError, LookupError):
            continue
    # Latin-1 reads everything, so it is believed only where nothing else could read the value.
    texts = list(found)
    return texts[:-1] if len(texts) > 1 and codecs[-1] == "latin-1" else texts


def written(value: bytes) -> str:
    """Bytes that were written, as text to search in: UTF-8 where it is, one letter a byte where not.

    Zeros go, so that 16 bits a letter read like 8.
    """
    return value.replace(b"\0", b"").decode("utf-8", "federim-latin-1")


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("federim-latin-1", _as_latin_1)


def fold(text: str) -> str:
    """Lower case without accents or ligatures."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(char for char in plain if not unicodedata.combining(char))
