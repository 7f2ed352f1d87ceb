"""Spell an identifying value in every way somebody may have written it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import permutations, product

from federim_pipelines.deidentify.proof.charset import codecs_of, fold, readings
from federim_pipelines.deidentify.proof.identity import Sort, attribute_of

# From these lengths a spelling is found anywhere: a name inside a longer word, a name or number with
# separators strewn in. Shorter ones would be met in half of all technical words (MARY in PRIMARY).
INSIDE, STREWN = 5, 6
SHORTEST_NAME = 2
SHORT = 3  # a word of so few letters is one only where nothing adjoins it
SHORTEST_NUMBER = 4
SHORTEST_COUNTER = 6  # of an examination's or a procedure's: a shorter one tells nobody, and is in every UID
_COUNTERS = frozenset({"RequestedProcedureID", "StudyID"})
LONG_NUMBER = 8  # a shorter one may be the fraction of some measurement
NATIONAL = 9  # digits of a French telephone number behind its prefix
MOST_ACCENTS = 4  # of so many each may be written or not, of more all or none
# Parts of names that are no one's, and what stands where there is no name.
_NO_NAMES = frozenset(
    re.findall(
        r"\w+",
        "al an and ben bin da das de dei del den der des di do dos dr du el et ibn ii iii jr la las le les "
        "los m md mlle mme mr mrs ms no of pr prof saint sainte san sr st ste ten ter the van von y zu "
        "anonym anonyme anonymised anonymized anonymous anonymus deidentified none redacted removed unknown",
    )
)
_MONTHS = (
    "january janvier jan janv",
    "february fevrier feb fev fevr",
    "march mars mar",
    "april avril apr avr",
    "may mai",
    "june juin jun",
    "july juillet jul juil",
    "august aout aug",
    "september septembre sep sept",
    "october octobre oct",
    "november novembre nov",
    "december decembre dec",
)
_BETWEEN = r"[\W_]{0,3}"
# Where text in no Latin script may have been re-encoded to.
_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr")
_ALPHABETS = ("iso8859_5", "cp1251", "koi8_r", "iso8859_7", "cp1253", "iso8859_6", "iso8859_8", "tis_620")
_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa"}


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way to write a value, as it may be met in folded text. Never shown: it holds the value."""

    tag: int
    sort: Sort
    pattern: str  # regular expression for folded text
    # One of these is left of any text that holds it, once all but ASCII letters and digits is gone.
    traces: tuple[bytes, ...]
    word: bool = False  # of which the trace begins a word
    short: bool = False  # of so few letters that it means somebody only where people write
    exact: tuple[bytes, ...] = ()  # bytes that are it, whatever surrounds them

    def __repr__(self) -> str:
        return f"Spelling({attribute_of(self.tag)})"


def spellings(values: tuple[tuple[int, bytes], ...], charset: bytes) -> list[Spelling]:
    """All spellings of the identifying values of one header."""
    codecs = codecs_of(charset)
    found: dict[tuple[str, bool, bool], Spelling] = {}
    for tag, value in values:
        for text in readings(value, codecs):
            for spelling in _spelled(tag, text):
                found.setdefault((spelling.pattern, spelling.word, bool(spelling.exact)), spelling)
    return list(found.values())


def _spelled(tag: int, text: str) -> Iterator[Spelling]:
    sort = attribute_of(tag).sort
    for part in text.split("\\"):
        if sort in (Sort.NAME, Sort.STAFF):
            yield from _names(tag, sort, part)
        elif sort is Sort.NUMBER:
            yield from _numbers(tag, part)
        elif sort is Sort.BIRTH:
            yield from _dates(tag, part)
        else:
            yield from _places(tag, part)


def _names(tag: int, sort: Sort, text: str) -> Iterator[Spelling]:
    for group in text.split("="):
        words = [word for word in re.split(r"[\W_]+", group) if word]
        telling = [word for word in words if fold(word) not in _NO_NAMES]
        if not telling:
            continue
        for word in telling:
            # Of somebody the patient met, a short name alone tells nothing.
            if len(word) >= (SHORTEST_NAME if sort is Sort.NAME else INSIDE) or not word.isascii():
                yield from _word(tag, sort, word)
        components = [re.sub(r"[\W_]+", "", part) for part in group.split("^")[:3]]
        whole = [part for part in components if part]
        together = {"".join(order) for count in (2, 3) for order in permutations(whole, count)}
        together |= {"".join(words), "".join(telling), *whole, *_with_initials(whole)}
        for joined in sorted(together):
            if len(joined) >= INSIDE:
                yield _latin(tag, sort, joined, strewn=True)
            if not joined.isascii() and len(joined) > 1:
                yield from _foreign(tag, sort, joined, whole)


def _with_initials(components: list[str]) -> Iterator[str]:
    """JDUPONT and DUPONTJ, where the name without it would be too short to be looked for so."""
    if len(components) > 1 and len(components[0]) < INSIDE:
        yield components[1][0] + components[0]
        yield components[0] + components[1][0]


def _word(tag: int, sort: Sort, word: str) -> Iterator[Spelling]:
    for form in dict.fromkeys([word, *_without_umlauts(word)]):
        folded = fold(form)
        if len(folded) >= INSIDE:
            yield _latin(tag, sort, form, strewn=len(folded) >= STREWN)
        elif len(folded) >= SHORTEST_NAME:
            # ANNA1952 names Anna; T2 does not name T.
            edge = r"[^\W_]" if len(folded) <= SHORT else r"[^\W\d_]"
            pattern = rf"(?<!{edge}){re.escape(folded)}(?!{edge})"
            exact = () if form.isascii() else _encoded(form)
            yield Spelling(tag, sort, pattern, _traces(form), True, len(folded) <= SHORT, exact)


def _without_umlauts(word: str) -> Iterator[str]:
    lower = word.lower()
    if not _UMLAUTS.keys().isdisjoint(lower):
        yield "".join(_UMLAUTS.get(char, char) for char in lower)


def _latin(tag: int, sort: Sort, text: str, *, strewn: bool) -> Spelling:
    folded = fold(text)
    between = _BETWEEN if strewn else ""
    return Spelling(tag, sort, between.join(map(re.escape, folded)), _traces(text))


def _foreign(tag: int, sort: Sort, joined: str, components: list[str]) -> Iterator[Spelling]:
    """A name in no Latin script: its bytes in each encoding that has it."""
    texts = {joined, *(separator.join(components) for separator in (" ", "^", ",", ", ", "-"))}
    exact = tuple(sorted({form for text in texts for form in _encoded(text)}))
    yield Spelling(tag, sort, _BETWEEN.join(map(re.escape, fold(joined))), (), exact=exact)


def _encoded(text: str) -> tuple[bytes, ...]:
    forms = set()
    for case in {text, text.upper(), text.lower(), text.title()}:
        for codec in (*_ENCODINGS, "latin-1", *_ALPHABETS):
            try:
                form = unicodedata.normalize("NFC", case).encode(codec)
            except UnicodeEncodeError:
                continue
            if not form.isascii():
                forms.add(form)
    return tuple(sorted(forms))


def _traces(text: str) -> tuple[bytes, ...]:
    """What is left of `text` once all but ASCII letters and digits is gone, its accents written or not."""
    plain = [
        "".join(letter for letter in fold(char) if letter.isascii() and letter.isalnum())
        for char in unicodedata.normalize("NFC", text)
    ]
    bare = [char if char.isascii() else "" for char in unicodedata.normalize("NFC", text)]
    bare = [fold(char) if char.isalnum() else "" for char in bare]
    differing = [place for place, char in enumerate(plain) if char != bare[place]]
    if len(differing) > MOST_ACCENTS:
        forms = {"".join(plain), "".join(bare)}
    else:
        choices = [(char,) if char == bare[at] else (char, bare[at]) for at, char in enumerate(plain)]
        forms = {"".join(chosen) for chosen in product(*choices)}
    return tuple(sorted(form.encode() for form in forms if form))


def _numbers(tag: int, text: str) -> Iterator[Spelling]:
    """An identifier, the long runs of digits in it, and a telephone number without its prefix."""
    joined = re.sub(r"[\W_]+", "", fold(text))
    shortest = SHORTEST_COUNTER if attribute_of(tag).keyword in _COUNTERS else SHORTEST_NUMBER
    # IPP-778899 is also written 778899; of RP00000001 the digits alone are in every row of zeros.
    runs = [run for run in re.findall(rf"\d{{{STREWN},}}", joined) if len(run.lstrip("0")) >= SHORTEST_NUMBER]
    for number in dict.fromkeys([joined, *runs, *(run.lstrip("0") for run in runs)]):
        if not any(char.isdigit() for char in number):
            if len(number) >= STREWN:
                yield _latin(tag, Sort.NUMBER, number, strewn=True)
        elif len(number) >= shortest:
            yield _number(tag, number)
    if attribute_of(tag).keyword.endswith("TelephoneNumbers") and len(joined) >= NATIONAL:
        national = joined[-NATIONAL:]  # what is the same after 0, +33 and 0033
        yield Spelling(tag, Sort.NUMBER, rf"{_BETWEEN.join(national)}(?!\d)", _traces(national))


def _number(tag: int, number: str) -> Spelling:
    strewn = len(number) >= STREWN
    edge = r"\d" if strewn else r"[^\W_]"
    before = rf"(?<!{edge})" if number[0].isdigit() or not strewn else ""
    after = rf"(?!{edge})" if number[-1].isdigit() or not strewn else ""
    if number.isdecimal() and len(number) < LONG_NUMBER:
        before, after = rf"(?<!\d\.){before}", rf"{after}(?!\.\d)"
    pattern = (_BETWEEN if strewn else "").join(map(re.escape, number))
    return Spelling(tag, Sort.NUMBER, before + pattern + after, _traces(number), not strewn, not strewn)


def _dates(tag: int, text: str) -> Iterator[Spelling]:
    """A birth date in the usual orders; the first of January says no more than a year of birth does."""
    digits = re.sub(r"\D", "", text)
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return
    if (day.month, day.day) == (1, 1):
        return
    year, month, number = f"{day.year:04}", f"{day.month:02}", f"{day.day:02}"
    for order in ((year, month, number), (number, month, year), (month, number, year)):
        closed = "".join(order)
        # A time of day may follow at once.
        yield Spelling(tag, Sort.BIRTH, rf"(?<!\d){closed}(?!\d(?!\d{{3}}))", (closed.encode(),))
        yield _parted(tag, order)
    short = year[2:]
    yield _parted(tag, (number, month, short))
    yield _parted(tag, (month, number, short))
    number = number.lstrip("0")
    any_year = f"(?:{year}|{short})"
    for name in _MONTHS[day.month - 1].split():
        spoken = rf"0?{number}(?:er|st|nd|rd|th)?"
        pattern = (
            rf"(?<!\d){spoken}{_BETWEEN}{name}{_BETWEEN}{any_year}(?!\d)"
            rf"|(?<![^\W\d_]){name}{_BETWEEN}{spoken}{_BETWEEN}{any_year}(?!\d)"
        )
        ends = (year, short, number, f"0{number}")
        yield Spelling(tag, Sort.BIRTH, pattern, tuple(f"{name}{end}".encode() for end in ends))


def _parted(tag: int, order: tuple[str, str, str]) -> Spelling:
    """12/04/1950, 12.4.1950, 1950-4-12."""
    gap = r"[\W_]{1,2}"
    pattern = gap.join(f"0?{part[1:]}" if part[0] == "0" and len(part) == 2 else part for part in order)
    traces = {"".join(chosen) for chosen in product(*({part, part.lstrip("0")} for part in order))}
    return Spelling(tag, Sort.BIRTH, rf"(?<!\d){pattern}(?!\d)", tuple(trace.encode() for trace in traces))


def _places(tag: int, text: str) -> Iterator[Spelling]:
    """A place as a whole, and each of its lines: single words such as MEDICAL are everywhere."""
    pieces = [text, *re.split(r"[,;\r\n^]+", text)]
    for piece in dict.fromkeys(re.sub(r"[\W_]+", "", part) for part in pieces):
        if len(piece) >= STREWN and not piece.isdecimal():
            yield _latin(tag, Sort.PLACE, piece, strewn=True)
