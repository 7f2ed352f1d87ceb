"""A cohort's attrition as a flow chart for a committee, a paper or a slide: SVG, and lines of text."""

from __future__ import annotations

import textwrap
from html import escape
from typing import Final

from federim.lake.attrition import Attrition, Step
from federim.lake.prose import SPEECH, Language
from federim.lake.prose.words import Words

_LINE: Final = 17  # pixels
_RULE: Final = 62  # characters a line
_MIDDLE: Final = 240
_WIDTH: Final = 760
_INK, _QUIET, _FILL, _EDGE = "#1a202c", "#4a5568", "#ebf8ff", "#2b6cb0"


def as_text(attrition: Attrition, language: Language = Language.ENGLISH) -> str:
    """The flow chart in lines."""
    words, lines = SPEECH[language].words, []
    for step in attrition.steps:
        if not step.rule:
            lines.append(f"{words.in_lake} — {_left(step, words)}")
        else:
            rule = step.rule.replace("\n", "\n    ")
            lines += [f"  ↓ {rule}", f"    {_left(step, words)} ({_lost(step, words)})"]
    return "\n".join([*lines, words.about_hidden.format(threshold=attrition.threshold)])


def as_svg(attrition: Attrition, language: Language = Language.ENGLISH) -> str:
    """The flow chart as an SVG document: a box a step, the rule and who it leaves out beside the arrow."""
    words = SPEECH[language].words
    title = words.flow.format(name=attrition.cohort)
    parts = [_text(20, 34, title, _INK, "bold 17px")]
    top = 56
    for step in attrition.steps:
        if step.rule:
            rule = [part for line in step.rule.splitlines() for part in _wrapped(line)]
            height = _LINE * (len(rule) + 1) + 22
            parts.append(
                f'<path d="M{_MIDDLE} {top} V{top + height - 7}" stroke="{_EDGE}" stroke-width="1.6"/>'
                f'<path d="M{_MIDDLE - 5} {top + height - 9} h10 l-5 9 z" fill="{_EDGE}"/>'
            )
            for number, line in enumerate([*rule, _lost(step, words)]):
                colour = _INK if number < len(rule) else _QUIET
                parts.append(_text(_MIDDLE + 18, top + 22 + _LINE * number, line, colour))
            top += height
        said = [words.in_lake] if not step.rule else []
        said.append(_left(step, words))
        height = _LINE * len(said) + 18
        parts.append(
            f'<rect x="{_MIDDLE - 220}" y="{top}" width="440" height="{height}" rx="6" '
            f'fill="{_FILL}" stroke="{_EDGE}"/>'
        )
        for number, line in enumerate(said):
            parts.append(_text(_MIDDLE, top + 22 + _LINE * number, line, _INK, "600 14px", middle=True))
        top += height
    top += 12
    note = textwrap.wrap(words.about_hidden.format(threshold=attrition.threshold), 100)
    for line in note:
        top += _LINE
        parts.append(_text(20, top, line, _QUIET, "12px"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top + 20}" '
        f'viewBox="0 0 {_WIDTH} {top + 20}" role="img" lang="{language.value}">'
        f"<title>{escape(title)}</title>"
        f'<rect width="{_WIDTH}" height="{top + 20}" fill="#ffffff"/>{"".join(parts)}</svg>\n'
    )


def _left(step: Step, words: Words) -> str:
    if step.persons is None:
        return words.both_hidden
    series = _counted(words.series, step.series, words.series_hidden, words)
    return f"{words.persons.format(count=_number(step.persons, words))} · {series}"


def _lost(step: Step, words: Words) -> str:
    return _counted(words.left_out, step.left_out, words.left_out_hidden, words)


def _counted(said: str, count: int | None, hidden: str, words: Words) -> str:
    return hidden if count is None else said.format(count=_number(count, words))


def _wrapped(line: str) -> list[str]:
    """A line of a rule in as many as it takes, each as far to the right as the first."""
    said = line.lstrip()
    margin = "\N{NO-BREAK SPACE}" * 2 * (len(line) - len(said))
    return [f"{margin}{part}" for part in textwrap.wrap(said, _RULE - len(margin))]


def _number(count: int, words: Words) -> str:
    return f"{count:,}".replace(",", words.thousands)


def _text(x: int, y: int, said: str, colour: str, font: str = "14px", *, middle: bool = False) -> str:
    anchor = "middle" if middle else "start"
    return (
        f'<text x="{x}" y="{y}" fill="{colour}" text-anchor="{anchor}" xml:space="preserve" '
        f'style="font:{font} sans-serif">{escape(said)}</text>'
    )
