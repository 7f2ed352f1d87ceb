"""Choose, among the codes of a coded field, the one a researcher would look for."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from federim_pipelines.codes.code import Code, best
from federim_pipelines.codes.shapes import coded
from federim_pipelines.codes.systems import CCAM, CIM_10, LOINC, SNOMED_CT, or_oid
from federim_pipelines.sources.hl7v2.segments import Value

MEASURED: Final = (LOINC, SNOMED_CT)
FOUND: Final = (SNOMED_CT, LOINC, CIM_10)
DONE: Final = (LOINC, CCAM, SNOMED_CT)

# Code, name of its system and, for CWE, the OID of the system: the code given, the alternate, the second.
_PLACES: Final = ((1, 3, 14), (4, 6, 17), (10, 12, 20))


@lru_cache(maxsize=4096)  # a laboratory asks for the same few hundred things, and names its units with them
def preferred(field: Value, systems: tuple[str, ...]) -> Code | None:
    """The code of a CE, CWE or CNE whose system comes first in `systems`, else its first.

    None if nothing in it has the shape of a code: its texts are never used. A system this house does not
    know is left out, since a local name is no URI.

    References
    ----------
    HL7 v2.5, 2.A.3 (CE), 2.A.13 (CWE); tables 0396.
    """
    told = (coded(field(place), or_oid(field(oid)) or or_oid(field(name))) for place, name, oid in _PLACES)
    return best((code for code in told if code is not None), systems)
