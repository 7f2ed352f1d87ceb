"""Draw what a large lake was measured to do, each figure beside its goal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import altair as alt
import pandas as pd
import vl_convert

BLUE: Final = "#1d70b8"
GREY: Final = "#505a5f"
RED: Final = "#d4351c"
WIDTH: Final = 520


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure and, where there is one, its goal: what it should not be above."""

    title: str
    value: float
    goal: float | None = None


def save(path: Path, bars: list[Bar], slopes: Mapping[int, float], growth: Mapping[int, float]) -> None:
    """Write a PNG.

    Parameters
    ----------
    bars : milliseconds
    slopes : rows of the largest table to milliseconds of the cohort
    growth : files of an ingest to files a second
    """
    charts = [_bars(bars), _line(slopes, "results in the lake", "cohort, ms")]
    if growth:
        charts.append(_line(growth, "files of one ingest", "files a second"))
    chart = alt.vconcat(*charts, spacing=36).configure(font="DejaVu Sans").configure_view(stroke=None)
    path.write_bytes(vl_convert.vegalite_to_png(chart.to_json(), scale=2))


def _bars(bars: list[Bar]) -> alt.LayerChart:
    rows = pd.DataFrame(
        [
            {"what": one.title, "ms": one.value, "goal": one.goal, "label": f"{one.value:,.0f} ms"}
            for one in bars
        ]
    )
    base = alt.Chart(rows, width=WIDTH, title="Milliseconds, the median; the red line is the goal").encode(
        y=alt.Y("what:N", sort=None, title=None, axis=alt.Axis(labelLimit=260, domain=False, ticks=False))
    )
    drawn = base.mark_bar(color=BLUE, height=16).encode(
        x=alt.X("ms:Q", title=None, axis=alt.Axis(grid=False))
    )
    told = base.mark_text(align="left", dx=6, color=GREY).encode(x="ms:Q", text="label:N")
    goals = base.transform_filter("datum.goal != null").mark_tick(color=RED, thickness=3, size=24)
    return drawn + goals.encode(x="goal:Q") + told


def _line(values: Mapping[int, float], across: str, up: str) -> alt.LayerChart:
    rows = pd.DataFrame([{across: key, up: value} for key, value in values.items()])
    base = alt.Chart(rows, width=WIDTH, height=150).encode(
        x=alt.X(f"{across}:Q", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s", values=list(values))),
        y=alt.Y(f"{up}:Q", scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=4)),
    )
    return base.mark_line(color=BLUE) + base.mark_point(color=BLUE, filled=True, size=60)
