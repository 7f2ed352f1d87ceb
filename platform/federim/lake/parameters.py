"""SQL of comparisons whose values are all named parameters."""

from __future__ import annotations

from typing import Any

from federim.model.cohort import NO_UNIT, Code, Comparison, Op


class Parameters:
    """The parameters of a query, each named by its criterion, its role and a number."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._count: dict[str, int] = {}

    def add(self, name: str, role: str, value: Any) -> str:
        """The placeholder of one more value."""
        begins = f"{name}_{role}"
        self._count[begins] = number = self._count.get(begins, 0) + 1
        self.values[f"{begins}_{number}"] = value
        return f"${begins}_{number}"

    def compare(self, name: str, column: str, comparison: Comparison) -> str:
        """A column compared."""
        if isinstance(comparison.value, tuple):
            return f"{column} IN ({', '.join(self.add(name, 'value', value) for value in comparison.value)})"
        value = self.add(name, "value", comparison.value)
        if comparison.op is Op.STARTS_WITH:
            return f"starts_with({column}, {value})"
        return f"{column} {comparison.op.value} {value}"

    def code(self, name: str, code: Code, concept: str) -> list[str]:
        """What the source code columns of `concept` must meet."""
        column = f"e.{concept}_source_value"
        if code.starts_with:
            starts = (f"starts_with({column}, {self.add(name, 'code', value)})" for value in code.values)
            found = [f"({' OR '.join(starts)})"]
        else:
            found = [f"{column} IN ({', '.join(self.add(name, 'code', value) for value in code.values)})"]
        if code.system:
            found.append(f"e.{concept}_source_system = {self.add(name, 'system', code.system)}")
        return found

    def unit(self, name: str, column: str, unit: str) -> list[str]:
        """Numbers of that unit alone, or of any where none is named."""
        if not unit:
            return []
        return [f"{column} IS NULL" if unit == NO_UNIT else f"{column} = {self.add(name, 'unit', unit)}"]


def conjunction(conditions: list[str]) -> str:
    """All of them, a line each; true where there is none."""
    return "\n    AND ".join(conditions) or "true"
