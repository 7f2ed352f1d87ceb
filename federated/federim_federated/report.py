"""Tell what a run came to: one page with its learning curves, for whoever signed the plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from federim.home import Home
from federim.model.errors import InputError, UnknownName
from federim_federated import curve, plan
from federim_federated.codes import PUBLIC_SENTENCE, GateCode
from federim_federated.recorder import replace_file

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; color: #111; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { text-align: left; padding: .3rem 1rem .3rem 0; }
th { border-bottom: 2px solid #111; } td { border-bottom: 1px solid #ddd; font-variant-numeric: tabular-nums; }
svg { max-width: 100%; height: auto; } .note { border-left: 4px solid #0072b2; padding-left: 1rem; }
"""

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
    folder = hub.runs / run
    if not folder.is_dir() or folder.parent != hub.runs:
        raise UnknownName("run", run, [path.name for path in hub.runs.iterdir() if path.is_dir()])
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
    """(round, value) by site. A site that may not tell an AUC sends 0 with no examples behind it: no point."""
    tests = [row for row in rows if row["message"] == "evaluate"]
    silent = {
        (row["round"], row["site"]) for row in tests if row["metric"] == "auc-examples" and not row["value"]
    }
    lines: dict[str, list[tuple[int, float]]] = {}
    for row in tests:
        if row["metric"] == metric and (metric != "auc" or (row["round"], row["site"]) not in silent):
            lines.setdefault(row["site"] or curve.ALL, []).append((row["round"], row["value"]))
    return lines


def _page(run: str, facts: Mapping[str, Any], rows: Iterable[Row], curves: Iterable[str]) -> str:
    last = [row for row in rows if row["round"] == facts["rounds"]]
    auc = f"{facts['auc']:.3f}" if "auc" in facts else "not told: every site had too few persons of one class"
    refused = "".join(
        f"<li>{escape(site)}, {escape(message)}: {escape(PUBLIC_SENTENCE[GateCode[code]])}</li>"
        for site, messages in sorted(facts["refused"].items())
        for message, code in sorted(messages.items())
    )
    sites = "".join(_site_row(site, last) for site in facts["sites"])
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Training run {escape(run)}</title><style>{_STYLE}</style></head>
<body>
<h1>Training run {escape(run)}</h1>
<p>Plan <b>{escape(facts["plan"])}</b> (SHA-256 {escape(facts["digest"][:16])}…), task {escape(facts["task"])},
{facts["rounds"]} rounds, learning rate {facts["learning_rate"]:g}, {facts["local_epochs"]} local epochs a round.</p>
<p>Mean of the sites' own AUCs after the last round: <b>{auc}</b>.</p>
{"".join(curves)}
<table><thead><tr><th>site</th><th>trained on</th><th>tested on</th><th>test loss</th><th>test AUC</th></tr></thead>
<tbody>{sites}</tbody></table>
{f"<h2>What sites refused</h2><ul>{refused}</ul>" if refused else "<p>No site refused a message.</p>"}
<p class="note">{escape(plan.WARNING)}</p>
</body></html>
"""


def _site_row(site: str, last: Iterable[Row]) -> str:
    told = {(row["message"], row["metric"]): row["value"] for row in last if row["site"] == site}

    def shown(message: str, metric: str, digits: int) -> str:
        value = told.get((message, metric))
        return "–" if value is None else f"{value:.{digits}f}"

    auc = shown("evaluate", "auc", 3) if told.get(("evaluate", "auc-examples")) else "–"
    cells = (
        site,
        shown("train", "num-examples", 0),
        shown("evaluate", "num-examples", 0),
        shown("evaluate", "loss", 3),
        auc,
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
