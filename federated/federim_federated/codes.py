"""What a site may say when it refuses: a number and one sentence, neither of which knows a patient."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class GateCode(IntEnum):
    """Why a message was refused. Above 100, clear of Flower's own codes."""

    PLAN_UNKNOWN = 101
    NOT_SIGNED = 102
    NOT_COUNTERSIGNED = 103
    EXPIRED = 104
    APP_CHANGED = 105
    SNAPSHOT_CHANGED = 106
    PROJECT_KEY_MISSING = 107
    MESSAGE_TYPE = 110
    RUN_CONFIG = 111
    MODEL_ARRAYS = 112
    COHORT_TOO_SMALL = 120
    REPLY_ARRAYS = 130
    REPLY_NOT_FINITE = 131
    REPLY_NORM = 132
    REPLY_METRICS = 133
    REPLY_SMALL_CELL = 134
    FAILED = 190


PUBLIC_SENTENCE: Final[dict[GateCode, str]] = {
    GateCode.PLAN_UNKNOWN: "this site holds no training plan of that digest",
    GateCode.NOT_SIGNED: "the plan does not carry a signature of a committee this site trusts",
    GateCode.NOT_COUNTERSIGNED: "this site has not agreed to the plan",
    GateCode.EXPIRED: "the plan has expired",
    GateCode.APP_CHANGED: "the code at this site is not the code the plan was signed for",
    GateCode.SNAPSHOT_CHANGED: "the snapshot the plan pins is not at this site, or its files were changed",
    GateCode.PROJECT_KEY_MISSING: "this site does not hold the project's key",
    GateCode.MESSAGE_TYPE: "the plan knows no message of that type",
    GateCode.RUN_CONFIG: "the run asks for something outside the plan's bounds",
    GateCode.MODEL_ARRAYS: "the model received is not of the names, shapes and types the plan declares",
    GateCode.COHORT_TOO_SMALL: "too few persons stand behind this message",
    GateCode.REPLY_ARRAYS: "the reply is not of the names, shapes and types the plan declares",
    GateCode.REPLY_NOT_FINITE: "the reply holds a number that is not finite",
    GateCode.REPLY_NORM: "the reply is larger than the plan allows",
    GateCode.REPLY_METRICS: "the reply's metrics are not those the plan declares",
    GateCode.REPLY_SMALL_CELL: "the reply holds a count too small to leave",
    GateCode.FAILED: "the task failed at this site; the site's own log says where",
}


class Refused(Exception):
    """The gate said no. It ends one message, never a command: the launcher turns it into a public code."""

    def __init__(self, code: GateCode) -> None:
        super().__init__(PUBLIC_SENTENCE[code])
        self.code = code
