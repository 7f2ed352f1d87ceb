"""Every table and column of the lake, declared once.

The Arrow schema, the check on write, the data dictionary, the disclosure report and the portal's
column picker are all made from what is written here.
"""

from __future__ import annotations

from federim.lake.declaration import Table
from federim.lake.declared.annotations import IMAGE_FEATURE, SEGMENT
from federim.lake.declared.clinical import (
    CONDITION_OCCURRENCE,
    DRUG_EXPOSURE,
    MEASUREMENT,
    OBSERVATION,
    PROCEDURE_OCCURRENCE,
    REPORT,
    REPORT_STUDY,
    VISIT_OCCURRENCE,
)
from federim.lake.declared.imaging import IMAGE_OCCURRENCE, INSTANCE, INSTANCE_FILE, STUDY, VOLUME_GEOMETRY
from federim.lake.declared.operations import QUARANTINE, RUN
from federim.lake.declared.persons import PERSON
from federim.model.errors import UnknownName

BUCKETS = 16

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        PERSON,
        STUDY,
        IMAGE_OCCURRENCE,
        INSTANCE,
        INSTANCE_FILE,
        VOLUME_GEOMETRY,
        MEASUREMENT,
        CONDITION_OCCURRENCE,
        PROCEDURE_OCCURRENCE,
        OBSERVATION,
        DRUG_EXPOSURE,
        VISIT_OCCURRENCE,
        REPORT,
        REPORT_STUDY,
        IMAGE_FEATURE,
        SEGMENT,
        QUARANTINE,
        RUN,
    )
}


def table(name: str) -> Table:
    """The table called `name`; raise `UnknownName` with the nearest one."""
    try:
        return TABLES[name]
    except KeyError:
        raise UnknownName("table", name, TABLES) from None
