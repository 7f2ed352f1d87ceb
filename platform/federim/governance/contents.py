"""Write what a release holds: its tables, what their columns mean, its risk, and what allowed it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from federim.governance.disclosure import Examined
from federim.governance.documents import as_bytes
from federim.lake import schema
from federim.lake.declared.persons import PERSON
from federim.model.export import AskedColumn, AskedTable, ExportDefinition

ROWS_PER_GROUP = 122_880  # as in the lake


def write_contents(
    folder: Path, definition: ExportDefinition, examined: Examined, decision: Mapping[str, Any]
) -> None:
    """Write every file of a release but its manifest; equal data give equal bytes."""
    for name, table in examined.tables.items():
        _write_table(folder / f"{name}.parquet", table)
    report = examined.report
    (folder / "README.md").write_text(_page(definition, decision, report.as_text()), encoding="utf-8")
    (folder / "dictionary.md").write_text(_dictionary(definition), encoding="utf-8")
    (folder / "report.json").write_bytes(
        (json.dumps(report.as_document(), sort_keys=True, indent=1) + "\n").encode()
    )
    (folder / "report.svg").write_text(report.as_svg(), encoding="utf-8")
    (folder / "decision.json").write_bytes(as_bytes(decision))


def _write_table(path: Path, table: pa.Table) -> None:
    pq.write_table(
        table.replace_schema_metadata(None),
        path,
        compression="zstd",
        compression_level=3,
        row_group_size=ROWS_PER_GROUP,
    )


def _page(definition: ExportDefinition, decision: Mapping[str, Any], risk: str) -> str:
    conditions = [f"- {each}" for each in decision["conditions"]] or ["None."]
    return "\n".join(
        [
            f"# Export {decision['request']} of project {definition.project}",
            "",
            definition.question.strip(),
            "",
            f"Built at {decision['site']}. Decided by {decision['issuer']}: {decision['outcome']}, "
            f"{decision['votes']} votes for a quorum of {decision['quorum']}, "
            f"in force {decision['starts']} to {decision['ends']}. "
            f"Legal route: {definition.route.value}, {definition.reference}.",
            "",
            "The data are anonymised. `dictionary.md` says what the columns mean; `manifest.json` lists "
            "every file and is signed: `federim export verify` checks it.",
            "",
            "## Conditions",
            "",
            *conditions,
            "",
            "## Risk",
            "",
            "```text",
            risk,
            "```",
            "",
        ]
    )


def _dictionary(definition: ExportDefinition) -> str:
    lines = ["# Data dictionary", ""]
    for asked in definition.tables:
        lines += [f"## {asked.name}", "", f"{asked.why.strip()}", "", f"From `{asked.source}`.", ""]
        lines += ["| column | meaning | unit | codes |", "|---|---|---|---|"]
        lines += [_described(asked, each) for each in (*asked.columns, *asked.group_by)]
        lines += [
            f"| `{each.output}` | {_meaning(asked, each.measure.value, each.column)} | | |"
            for each in asked.measures
        ]
        if asked.aggregate:
            lines.append("| `suppressed` | Withheld: it has few persons, or would give such a one away | | |")
        lines.append("")
    return "\n".join(lines)


def _described(asked: AskedTable, each: AskedColumn) -> str:
    table = PERSON if each.of_person else schema.table(asked.source)
    column = table.column(each.column)
    band = f"; lower end of a band of {each.band}" if each.band else ""
    return f"| `{column.name}` | {column.description}{band} | {column.unit} | {column.code_system} |"


def _meaning(asked: AskedTable, measure: str, column: str) -> str:
    if not column:
        return {"rows": "Rows in the group", "persons": "Different persons in the group"}[measure]
    word = {"sum": "Sum", "mean": "Mean", "sd": "Standard deviation (n − 1)"}[measure]
    described = schema.table(asked.source).column(column).description
    return f"{word}, over the rows that have a finite value, of: {described}"
