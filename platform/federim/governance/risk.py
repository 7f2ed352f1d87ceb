"""What a site measured of the risk of an export, for a committee to read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from xml.sax.saxutils import escape


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRisk:
    """One table. `groups` are cells of an aggregate, combinations of values of a table of rows.

    Counts of persons below the threshold are themselves small cells, so they are None.
    """

    name: str
    aggregate: bool
    groups: int
    hidden_small: int = 0  # groups hidden because few persons are in them
    hidden_complement: int = 0  # groups hidden because they would give a hidden one away
    smallest: int | None = None  # fewest persons alike in the quasi-identifiers that leave (k)
    findings: tuple[str, ...] = ()  # why it cannot leave as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskReport:
    """One package at one site. It is acceptable where nothing was found against it."""

    package: str
    site: str
    snapshot: str
    snapshot_sha256: str
    threshold: int  # fewest persons a group may show
    persons: int | None  # in the cohort; None below the threshold
    tables: tuple[TableRisk, ...]
    findings: tuple[str, ...] = ()  # against the package as a whole

    @property
    def acceptable(self) -> bool:
        return not self.refusals

    @property
    def refusals(self) -> list[str]:
        """Everything found against it, the table named first."""
        return [
            *self.findings,
            *(f"{table.name}: {each}" for table in self.tables for each in table.findings),
        ]

    def as_document(self) -> dict[str, Any]:
        """The report as JSON keeps it."""
        return {**asdict(self), "acceptable": self.acceptable}

    def as_text(self) -> str:
        """The report in lines a member of a committee can read."""
        persons = f"fewer than {self.threshold}" if self.persons is None else str(self.persons)
        lines = [f"{self.site}, snapshot {self.snapshot}: {persons} persons"]
        lines += [_line(table, self.threshold) for table in self.tables]
        lines += [f"refused  {each}" for each in self.refusals]
        verdict = (
            "acceptable" if self.acceptable else "refused: group the rows, widen the bands or drop columns"
        )
        return "\n".join([*lines, f"risk {verdict}"])

    def as_svg(self) -> str:
        """A bar a table: how much of it is shown, and how much is hidden and why."""
        height = 28 * len(self.tables) + 34
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {height}" font-family="sans-serif" '
            f'font-size="12" role="img"><title>What leaves {escape(self.site)}, table by table</title>'
        ]
        for position, table in enumerate(self.tables):
            parts.append(_bar(table, 28 * position + 6))
        parts.append(
            f'<text x="0" y="{height - 8}">shown (blue) · fewer than {self.threshold} persons (orange) · '
            "hidden to protect those (grey)</text></svg>"
        )
        return "\n".join(parts) + "\n"


def _line(table: TableRisk, threshold: int) -> str:
    word = "refused " if table.findings else "ok      "
    if table.aggregate:
        shown = table.groups - table.hidden_small - table.hidden_complement
        text = f"{shown} of {table.groups} groups shown"
        if table.hidden_small:
            text += f", {table.hidden_small} hidden with fewer than {threshold} persons"
        if table.hidden_complement:
            text += f", {table.hidden_complement} hidden to protect those"
    else:
        alike = f"fewer than {threshold}" if table.smallest is None else f"at least {table.smallest}"
        text = f"rows; {alike} persons are alike in what neighbours may know of them"
    return f"{word} {table.name}: {text}"


def _bar(table: TableRisk, top: int) -> str:
    counts = {
        "#2b6cb0": 0 if table.findings else table.groups - table.hidden_small - table.hidden_complement,
        "#dd6b20": table.groups if table.findings else table.hidden_small,
        "#a0aec0": 0 if table.findings else table.hidden_complement,
    }
    left, parts = 220.0, [f'<text x="0" y="{top + 14}">{escape(table.name)}</text>']
    for colour, count in counts.items():
        width = 420 * count / max(table.groups, 1)
        parts.append(f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="18" fill="{colour}"/>')
        left += width
    return "".join(parts)
