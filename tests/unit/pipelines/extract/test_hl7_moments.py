"""A time stamp of HL7 v2 and CDA is the clock on the wall, as precise as it was told."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim_pipelines.extract.moments import Moment, of_hl7
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024", Moment()),
        ("202401", Moment()),
        ("20240105", Moment(dt.date(2024, 1, 5))),
        ("2024010507", Moment(dt.date(2024, 1, 5), dt.datetime(2024, 1, 5, 7))),
        ("202401050735+0100", Moment(dt.date(2024, 1, 5), dt.datetime(2024, 1, 5, 7, 35))),
        ("20240105073512.5", Moment(dt.date(2024, 1, 5), dt.datetime(2024, 1, 5, 7, 35, 12, 500_000))),
    ],
)
def test_a_stamp_is_as_precise_as_it_was_told(text: str, moment: Moment) -> None:
    assert of_hl7(text, "effectiveTime") == moment


@given(at=st.datetimes(min_value=dt.datetime(1000, 1, 1)), zone=st.sampled_from(["", "+0200", "-1100"]))
def test_any_instant_is_read_back_whatever_its_zone(at: dt.datetime, zone: str) -> None:
    at = at.replace(microsecond=0)

    assert of_hl7(f"{at:%Y%m%d%H%M%S}{zone}", "OBX-14") == Moment(at.date(), at)


@pytest.mark.parametrize("text", ["", "hier", "20241305", "20240230", "2024010525", "202", "2024-01-05"])
def test_what_is_no_stamp_is_refused_without_its_value(text: str) -> None:
    with pytest.raises(Unusable) as refused:
        of_hl7(text, "OBX-14")
    assert (refused.value.reason, refused.value.detail) == (Reason.DATE_UNUSABLE, "OBX-14")
