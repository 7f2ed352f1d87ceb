"""An error raised in a worker's process reaches the driver as it was."""

from __future__ import annotations

import inspect
import pickle

import pytest

from federim.model import errors
from federim.model.errors import FederimError, UnknownName

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, FederimError) and kind.__init__ is Exception.__init__
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_the_same_in_another_process(kind: type[FederimError]) -> None:
    back = pickle.loads(pickle.dumps(kind("the table has 2 rows; expected 3")))
    assert type(back) is kind
    assert str(back) == "the table has 2 rows; expected 3"


def test_an_unknown_name_keeps_its_suggestion() -> None:
    error = UnknownName("table", "measurment", ["person", "measurement"])
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is UnknownName
    assert str(back) == str(error)
    assert "did you mean 'measurement'?" in str(back)
