"""Draw a learning curve as SVG: one line a site, one for all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

Points = Sequence[tuple[int, float]]

WIDTH: Final = 640
HEIGHT: Final = 300
LEFT, RIGHT, TOP, BOTTOM = 56, 150, 40, 44
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's, which the colour-blind tell apart; dashes tell apart what comes after the sixth."""
ALL: Final = "all sites"
LABEL_GAP: Final = 15.0  # px between two names at the right


@dataclass(frozen=True)
class Scale:
    """From a number to a place on the page."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def draw(title: str, lines: Mapping[str, Points]) -> str:
    """An SVG document.

    Parameters
    ----------
    title
        What the vertical axis shows.
    lines
        (round, value) by site, and under `ALL` over all sites; lines without a point are not drawn.
    """
    drawn = {name: points for name, points in lines.items() if points}
    rounds = [round_ for points in drawn.values() for round_, _ in points]
    values = [value for points in drawn.values() for _, value in points]
    if not values:
        return _document(title, ['<text x="56" y="150">no site could tell this</text>'])
    marks = _marks(min(values), max(values))
    across = Scale(min(rounds), max(rounds), LEFT, WIDTH - RIGHT)
    up = Scale(marks[0], marks[-1], HEIGHT - BOTTOM, TOP)
    parts = _axes(across, up, marks)
    # The line over all sites last, so that it lies on top.
    order = sorted(drawn, key=lambda name: (name == ALL, name))
    heights = _apart([up(drawn[name][-1][1]) for name in order])
    for place, name in enumerate(order):
        colour = "#111111" if name == ALL else COLOURS[place % len(COLOURS)]
        dashes = ' stroke-dasharray="5 3"' if name != ALL and place >= len(COLOURS) else ""
        width = 3 if name == ALL else 1.5
        path = " ".join(f"{across(round_):.1f},{up(value):.1f}" for round_, value in drawn[name])
        last = drawn[name][-1]
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>'
            f'<circle cx="{across(last[0]):.1f}" cy="{up(last[1]):.1f}" r="{width + 1}" fill="{colour}"/>'
            f'<text x="{WIDTH - RIGHT + 12}" y="{heights[place] + 4:.1f}" fill="{colour}"'
            f' font-weight="{700 if name == ALL else 400}">{escape(name)} {last[1]:.3f}</text>'
        )
    return _document(title, parts)


def _marks(low: float, high: float) -> list[float]:
    """Round numbers at equal steps, the first at or below `low`, the last at or above `high`."""
    span = (high - low) or 0.1
    decade = 10.0 ** math.floor(math.log10(span))
    step = next(decade * of for of in (0.2, 0.5, 1.0, 2.0) if span / (decade * of) <= 6)
    first = math.floor(round((high - span) / step, 6))
    last = math.ceil(round(high / step, 6))
    return [number * step for number in range(first, last + 1)]


def _axes(across: Scale, up: Scale, marks: Sequence[float]) -> list[str]:
    digits = max(0, -math.floor(math.log10(marks[1] - marks[0]) + 1e-9))
    parts = []
    for value in marks:
        height = up(value)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:.1f}" y2="{height:.1f}" stroke="#dddddd"/>'
            f'<text x="{LEFT - 8}" y="{height + 4:.1f}" text-anchor="end" fill="#555555">'
            f"{value:.{digits}f}</text>"
        )
    last = int(across.high)
    every = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000) if last / step <= 9)
    for round_ in sorted({int(across.low), *range(every, last + 1, every)}):
        parts.append(
            f'<text x="{across(round_):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle"'
            f' fill="#555555">{round_}</text>'
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle" fill="#555555">round</text>')
    return parts


def _apart(heights: Sequence[float]) -> list[float]:
    """The same heights, moved down so that no two labels overlap, then up if they leave the page."""
    order = sorted(range(len(heights)), key=lambda place: heights[place])
    moved = list(heights)
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + LABEL_GAP)
    over = max(0.0, max(moved) - (HEIGHT - BOTTOM))
    return [height - over for height in moved]


def _document(title: str, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}"'
        f' height="{HEIGHT}" role="img" aria-label="{escape(title)} by round"'
        f' font-family="system-ui, sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n'
        f'<text x="{LEFT}" y="22" font-size="14" font-weight="600">{escape(title)}</text>\n{body}\n</svg>\n'
    )
