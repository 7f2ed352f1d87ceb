"""Units of measure: from what laboratories write to UCUM, and from one unit to another."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from lark.exceptions import LarkError

from federim_pipelines.codes.code import is_unit

_RECENT = 10_000  # a hospital's laboratories write some hundreds

_LETTERS = str.maketrans({"µ": "u", "μ": "u", "°": "deg", "²": "2", "³": "3", "⁹": "9", "‰": "[ppth]"})
# "x10^9", "X 10*9" and "10^9" before a slash; UIs and equivalents where a prefix or a word may stand around.
_REWRITTEN = (
    (re.compile(r"^[xX](?=10)"), ""),
    (re.compile(r"(?<![0-9])10(?:\^|(?=[0-9]{1,2}/(?:[um]?[lL]|mm3)))(?=(?:[3469]|12)/)"), "10*"),
    (re.compile(r"10\^(?=[0-9])"), "10*"),
    (re.compile(r"(?<![A-Za-z\[])([munpk]?)(?:UI|IU|Ui|iu|ui)(?![A-Za-z\]])"), r"\1[IU]"),
    (re.compile(r"(?<![A-Za-z\[])([munpkd]?)E[qQ](?![A-Za-z])"), r"\1eq"),
    (re.compile(r"(?<![A-Za-z\[])([munpk]?)Osm(?![A-Za-z])"), r"\1osm"),
    (re.compile(r"(?<![A-Za-z\[])mcg(?![A-Za-z])"), "ug"),
    (re.compile(r"(?<![A-Za-z\[])mcmol(?![A-Za-z])"), "umol"),
    (re.compile(r"/24(?:h|H|heures)$"), "/d"),
    (re.compile(r"/(?:jour|jours|j|J)$"), "/d"),
    (re.compile(r"/champ$"), "/[HPF]"),
    (re.compile(r"/mm3$"), "/uL"),
)
_LITRE = re.compile(r"(?<![A-Za-z\[])([fpnumdc]?)l(?![A-Za-z])")
_ACTIVITY = re.compile(r"(?<![A-Za-z\[])([numk]?)(?:U|\[[Ii]U\])(?![A-Za-z\]])")
_ARBITRARY = re.compile(r"\[arb'U\]")
_LOGARITHM = re.compile(r"(?<![A-Za-z\[])[a-z]?(?:B|Np)(?![A-Za-z])")  # bel and neper: no straight line
_LONG_NUMBER = re.compile(r"[0-9]{4}")
_SUBSTANCE = re.compile(r"(?<![A-Za-z])[a-zA-Z]{0,2}mol(?![A-Za-z])")


@dataclass(frozen=True, slots=True)
class Conversion:
    """A number in one unit, times `scale` plus `offset`, is the number in another."""

    scale: Fraction
    offset: Fraction = Fraction(0)

    def __call__(self, number: float) -> float:
        """The converted number, as by hand: 95 mg/dL are 0.95 g/L and not 0.9500000000000001."""
        if self is SAME:
            return float(number)
        product = Decimal(repr(float(number))) * self.scale.numerator / self.scale.denominator
        return float(product + Decimal(self.offset.numerator) / self.offset.denominator)


SAME = Conversion(Fraction(1))


@lru_cache(_RECENT)
def ucum(told: str) -> str | None:
    """The UCUM spelling of a unit as a laboratory writes it; None where it is none that is known.

    `mmHg`, `µmol/l`, `UI/L`, `G/L` (giga a litre), `x10^9/L`, `mEq/L`, `g/24 h` … An annotation alone, such
    as `{score}`, is a unit: UCUM's way to say that there is none.

    References
    ----------
    The Unified Code for Units of Measure, sections 2, 6 and 24 (arbitrary units).
    """
    spelling = "".join(told.translate(_LETTERS).split())
    spelling = _laboratory().get(spelling, spelling)
    for pattern, replacement in _REWRITTEN:
        spelling = pattern.sub(replacement, spelling)
    spelling = _LITRE.sub(r"\1L", _laboratory().get(spelling, spelling))
    return spelling if is_unit(spelling) and _quantity(spelling) is not None else None


def usable(told: str) -> bool:
    """Whether a text may stand as a unit: it is one that is known, or has at least the shape of one."""
    return ucum(told) is not None or is_unit(told)


@lru_cache(_RECENT)
def conversion(unit: str, into: str, *, charge: int = 0) -> Conversion | None:
    """How numbers in one UCUM unit become numbers in another; None where they cannot.

    Arbitrary units (`[IU]`, `[arb'U]` …) convert to themselves alone, but laboratories write U for whichever
    is usual of what they measure: a `U` or an `[IU]` is taken for the one of `into`. A fraction of moles is
    not one of mass or volume: HbA1c in mmol/mol is another quantity than HbA1c in %.

    Parameters
    ----------
    charge : int
        Of the ion measured, without its sign: equivalents are so many times the moles. Without it, neither
        becomes the other.
    """
    if unit == into:
        return SAME
    if _ACTIVITY.search(unit) and (_ACTIVITY.search(into) or _ARBITRARY.search(into)):
        unit = _ACTIVITY.sub(r"\1U", unit)
        into = _ARBITRARY.sub("U", _ACTIVITY.sub(r"\1U", into))
    scale = Fraction(1)
    if charge and "mol" in into and "eq" in unit:
        unit, scale = unit.replace("eq", "mol"), Fraction(1, charge)
    given, wanted = _quantity(unit), _quantity(into)
    if given is None or wanted is None or given.dimensionality != wanted.dimensionality:
        return None
    if _LOGARITHM.search(unit) or _LOGARITHM.search(into):
        return None
    if not given.dimensionality and bool(_SUBSTANCE.search(unit)) != bool(_SUBSTANCE.search(into)):
        return None
    zero, one = (
        Fraction(type(given)(given.magnitude * at, given.units).to(wanted.units).magnitude) / wanted.magnitude
        for at in (0, 1)
    )
    return Conversion((one - zero) * scale, zero)


@cache
def _laboratory() -> dict[str, str]:
    text = files("federim_pipelines.codes").joinpath("laboratory_units.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        spelling: row["ucum"] for row in rows for spelling in row["spellings"].translate(_LETTERS).split()
    }


@lru_cache(_RECENT)
def _quantity(unit: str) -> Any:
    """A UCUM unit as a pint quantity; None where it is not UCUM."""
    parse, transform, plain = _ucumvert()
    if _LONG_NUMBER.search(unit):
        return None  # no unit needs it, and a power of ten could be made that no memory holds
    try:
        quantity = transform(parse(unit))
    except LarkError:  # the unit is not UCUM, or pint lacks one that is
        return None
    # An annotation stays what the parser made of it: text.
    return plain if isinstance(quantity, str) else quantity


@cache
def _ucumvert() -> tuple[Callable[[str], Any], Callable[[Any], Any], Any]:
    """The parser of UCUM, what makes a quantity of what it parses, and the quantity that has no unit.

    Numbers are fractions, so that factors are exact. ucumvert defines each arbitrary unit as 1, which would
    make them convertible into one another: here each has a dimension of its own, as UCUM wants it.
    """
    import pint
    from ucumvert import UcumToPintTransformer, get_ucum_parser

    registry: Any = pint.UnitRegistry(non_int_type=Fraction, on_redefinition="ignore")
    definitions = files("ucumvert").joinpath("pint_ucum_defs.txt").read_text(encoding="utf-8")
    apart = re.sub(r"^(\w+) = 1(?: \* 1)?(?=$| = | {2})", r"\1 = [\1]", definitions, flags=re.MULTILINE)
    registry.load_definitions(apart.splitlines())
    registry.define("pH_value = [acidity]")
    registry.define("equivalents = [equivalents] = _ = eq")
    return get_ucum_parser().parse, UcumToPintTransformer(ureg=registry).transform, registry.Quantity(1)
