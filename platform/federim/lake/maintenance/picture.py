"""Draw what a lake holds, as SVG: modalities, years, sites and sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from federim.lake.maintenance.statistics import OTHER, Cell, Statistics

WIDTH, HEIGHT = 1040, 720
MARGIN: Final = 40
TOP: Final = 124
GAP: Final = 56  # between panels
LETTER: Final = 7.2  # px, at most, of the words before bars
NUMBERS: Final = 74  # px for the numbers after them
BARS: Final = 8
COLUMNS: Final = 24
INK, SOFT, TRACK = "#1a1a2e", "#6b7280", "#eef1f5"
COLOURS: Final = {"modalities": "#0072b2", "years": "#009e73", "sites": "#d55e00", "sizes": "#cc79a7"}
"""Okabe and Ito's, which the colour-blind tell apart."""
GREY: Final = "#9aa3af"  # what is told together

_NOTE: Final = (
    "What concerns fewer than {small} persons is told together with more, as other. "
    "Years are those of the lake, whose dates are moved person by person."
)


@dataclass(frozen=True, slots=True)
class Panel:
    """A place on the page."""

    left: float
    top: float
    width: float
    height: float


def draw(told: Statistics) -> str:
    """An SVG document, the same for the same numbers."""
    width = (WIDTH - 2 * MARGIN - GAP) / 2
    height = (HEIGHT - TOP - MARGIN - GAP) / 2
    left, right, upper, lower = MARGIN, MARGIN + width + GAP, TOP, TOP + height + GAP
    sizes = [Cell(name, size.bytes) for name, size in told.tables.items() if size.rows]
    parts = [
        *_heading(told),
        *_bars(
            Panel(left, upper, width, height),
            "Series by modality",
            told.series_by_modality,
            COLOURS["modalities"],
        ),
        *_columns(
            Panel(right, upper, width, height), "Studies by year", told.studies_by_year, COLOURS["years"]
        ),
        *_bars(Panel(left, lower, width, height), "Persons by site", told.persons_by_site, COLOURS["sites"]),
        *_bars(
            Panel(right, lower, width, height),
            "Bytes on disk by table",
            sorted(sizes, key=lambda cell: -cell.count),
            COLOURS["sizes"],
            shown=size_in_words,
        ),
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="Liberation Sans, Arial, Helvetica, sans-serif" '
            f'font-size="13" role="img">',
            f"<title>What the lake of {escape(told.site)} holds</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            *parts,
            _text(MARGIN, HEIGHT - 16, _NOTE.format(small=told.small_cell), size=11, colour=SOFT),
            "</svg>",
            "",
        ]
    )


def size_in_words(size: float) -> str:
    """Bytes as people read them, in powers of 1,000."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1_000 or unit == "TB":
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1_000
    raise AssertionError


def _heading(told: Statistics) -> list[str]:
    def rows(name: str) -> int:
        return told.tables[name].rows if name in told.tables else 0

    persons = f"fewer than {told.small_cell}" if told.persons is None else f"{told.persons:,}"
    figures = [
        (persons, "persons"),
        (f"{rows('study'):,}", "studies"),
        (f"{rows('image_occurrence'):,}", "series"),
        (f"{told.objects:,}", "instances"),
        (size_in_words(told.object_bytes), "of images and other objects"),
        (size_in_words(sum(size.bytes for size in told.tables.values())), "of tables"),
    ]
    step = (WIDTH - 2 * MARGIN + GAP) / len(figures)  # so that the fourth stands over the right panels
    parts = [_text(MARGIN, 40, f"The lake of {told.site}", size=20, weight=700)]
    for place, (number, what) in enumerate(figures):
        across = MARGIN + place * step
        parts.append(_text(across, 76, number, size=17, weight=700))
        parts.append(_text(across, 94, what, size=12, colour=SOFT))
    return parts


def _bars(
    panel: Panel,
    title: str,
    cells: Sequence[Cell],
    colour: str,
    *,
    shown: Callable[[float], str] = lambda count: f"{count:,.0f}",
) -> list[str]:
    parts = _frame(panel, title, cells)
    cells = _folded(cells, BARS)
    if not cells:
        return parts
    labels = 14 + LETTER * max(len(_short(cell.label)) for cell in cells)
    start, full = panel.left + labels, panel.width - labels - NUMBERS
    step = min(30.0, (panel.height - 34) / len(cells))
    thick = step * 0.62
    most = max(cell.count for cell in cells) or 1
    for place, cell in enumerate(cells):
        top = panel.top + 34 + place * step
        middle = top + thick / 2 + 4.5
        long = max(2.0, full * cell.count / most)
        fill = GREY if cell.label == OTHER else colour
        parts += [
            _text(start - 10, middle, _short(cell.label), anchor="end"),
            _bar(start, top, full, thick, TRACK),
            _bar(start, top, long, thick, fill),
            _text(panel.left + panel.width, middle, shown(cell.count), anchor="end", weight=700),
        ]
    return parts


def _columns(panel: Panel, title: str, cells: Sequence[Cell], colour: str) -> list[str]:
    parts = _frame(panel, title, cells)
    years = [cell for cell in cells if cell.label.isdigit()]
    rest = [cell for cell in cells if not cell.label.isdigit()]
    if len(years) > COLUMNS:
        early, years = years[: -COLUMNS + 1], years[-COLUMNS + 1 :]
        years.insert(0, Cell(f"≤{early[-1].label}", sum(cell.count for cell in early)))
    cells = [*years, *rest]
    if not cells:
        return parts
    top, bottom = panel.top + 48, panel.top + panel.height - 22
    step = min(64.0, panel.width / len(cells))
    thick = step * 0.72
    most = max(cell.count for cell in cells) or 1
    every = 1 if step >= 34 else 2 if step >= 18 else 4
    parts.append(
        f'<line x1="{panel.left:.1f}" x2="{panel.left + panel.width:.1f}" y1="{bottom:.1f}" '
        f'y2="{bottom:.1f}" stroke="{GREY}"/>'
    )
    for place, cell in enumerate(cells):
        across = panel.left + place * step + (step - thick) / 2
        high = max(2.0, (bottom - top) * cell.count / most)
        fill = colour if cell.label.isdigit() else GREY
        parts.append(_bar(across, bottom - high, thick, high, fill))
        centre = across + thick / 2
        if step >= 34 or cell.count == most:
            parts.append(
                _text(centre, bottom - high - 6, f"{cell.count:,}", anchor="middle", size=11, weight=700)
            )
        if (len(cells) - 1 - place) % every == 0:
            parts.append(_text(centre, bottom + 17, cell.label, anchor="middle", size=11, colour=SOFT))
    return parts


def _bar(left: float, top: float, width: float, height: float, colour: str) -> str:
    place = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} rx="3" fill="{colour}"/>'


def _frame(panel: Panel, title: str, cells: Sequence[Cell]) -> list[str]:
    parts = [
        _text(panel.left, panel.top + 14, title, size=14, weight=700),
        f'<line x1="{panel.left:.1f}" x2="{panel.left + panel.width:.1f}" y1="{panel.top + 23:.1f}" '
        f'y2="{panel.top + 23:.1f}" stroke="{TRACK}" stroke-width="1.5"/>',
    ]
    if not cells:
        parts.append(_text(panel.left, panel.top + 52, "none, or too few persons to tell", colour=SOFT))
    return parts


def _folded(cells: Sequence[Cell], at_most: int) -> list[Cell]:
    """No more than so many cells; those that are too many go to the others."""
    if len(cells) <= at_most:
        return list(cells)
    named = [cell for cell in cells if cell.label != OTHER]
    kept = named[: at_most - 1]
    return [*kept, Cell(OTHER, sum(cell.count for cell in cells) - sum(cell.count for cell in kept))]


def _short(word: str) -> str:
    return word if len(word) <= 22 else f"{word[:21]}…"


def _text(
    across: float,
    down: float,
    words: str,
    *,
    size: int = 13,
    weight: int = 400,
    colour: str = INK,
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{across:.1f}" y="{down:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )
