"""Tell what a run came to: one page with its learning curves, for whoever signed the plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import pyarrow.parquet as pq

from federim.home import Home
from federim.model.errors import InputError, UnknownName
from federim_federated import curve, plan
from federim_federated.codes import PUBLIC_SENTENCE, GateCode
from federim_federated.recorder import replace_file

Row = Mapping[str, Any]


def write(hub: Home, run: str) -> Path:
    """Write `report.html`, `auc.svg` and `loss.svg` in the run's folder; returns the page.

    Raises
    ------
    UnknownName
        There is no run of that name.
    InputError
        The run did not finish.
    """
    known = {path.name: path for path in hub.runs.iterdir() if path.is_dir()}
    if run not in known:
        raise UnknownName("run", run, known)
    folder = known[run]
    if not (folder / "model.json").exists():
        raise InputError(f"run {run} did not finish; the audit trail of each site says what its gate refused")
    facts = json.loads((folder / "model.json").read_text())
    rows = pq.read_table(folder / "metrics.parquet").to_pylist()
    curves = {
        "auc": curve.draw("AUC on each site's test persons", _lines(rows, "auc")),
        "loss": curve.draw("Loss on each site's test persons", _lines(rows, "loss")),
    }
    for name, drawn in curves.items():
        replace_file(folder / f"{name}.svg", drawn.encode())
    page = folder / "report.html"
    replace_file(page, _page(run, facts, rows, curves.values()).encode())
    return page


def _lines(rows: Iterable[Row], metric: str) -> dict[str, list[tuple[int, float]]]:
    """(round, value) of one metric of the tests, by site."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        if row["message"] == "evaluate" and row["metric"] == metric:
            lines.setdefault(row["site"] or curve.ALL, []).append((row["round"], row["value"]))
    return lines


def _page(run: str, facts: Mapping[str, Any], rows: Iterable[Row], curves: Iterable[str]) -> str:
    last = [row for row in rows if row["round"] == facts["rounds"]]
    refused = "".join(
        f"<li>{escape(site)}, {escape(message)}: {escape(PUBLIC_SENTENCE[GateCode[code]])}</li>"
        for site, messages in sorted(facts["refused"].items())
        for message, code in sorted(messages.items())
    )
    page = files("federim_federated").joinpath("report.html").read_text()
    return Template(page).substitute(
        run=escape(run),
        plan=escape(facts["plan"]),
        digest=escape(facts["digest"][:16]),
        task=escape(facts["task"]),
        rounds=facts["rounds"],
        learning_rate=f"{facts['learning_rate']:g}",
        local_epochs=facts["local_epochs"],
        auc=f"{facts['auc']:.3f}" if "auc" in facts else "not told, too few persons of one class everywhere",
        curves="".join(curves),
        sites="".join(_site_row(site, last) for site in facts["sites"]),
        refused=f"<ul>{refused}</ul>" if refused else "<p>Nothing.</p>",
        warning=escape(plan.WARNING),
    )


def _site_row(site: str, last: Iterable[Row]) -> str:
    told = {(row["message"], row["metric"]): row["value"] for row in last if row["site"] == site}

    def shown(message: str, metric: str, digits: int) -> str:
        value = told.get((message, metric))
        return "–" if value is None else f"{value:.{digits}f}"

    cells = (
        site,
        shown("train", "num-examples", 0),
        shown("evaluate", "num-examples", 0),
        shown("evaluate", "loss", 3),
        shown("evaluate", "auc", 3),
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
