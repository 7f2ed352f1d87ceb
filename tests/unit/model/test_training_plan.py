"""A training plan refuses what could not be signed in good conscience, naming the field."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import pytest

from federim.model.errors import InputError
from federim.model.identifiers import SiteName
from federim.model.training import (
    ArrayShape,
    Bounds,
    Feature,
    Label,
    LabelTable,
    MessageShape,
    Preprocessing,
    SnapshotPin,
    Task,
    TrainingPlan,
)

GRID = Preprocessing(modality="CT", size=(16, 64, 64), spacing_mm=(5.0, 2.0, 2.0), window=(-1000.0, 400.0))
TRAIN = MessageShape(
    message_type="train",
    config=("plan",),
    receives=(),
    replies=(ArrayShape(name="w", shape=(1,), dtype="float64"),),
    metrics=("loss",),
    norm_bound=1.0,
)


def a_plan(**changes: object) -> TrainingPlan:
    fields: dict[str, object] = {
        "name": "lesion",
        "project": "lesions",
        "hub": "hub",
        "purpose": "Tell a lesion.",
        "task": Task.TABULAR,
        "cohort": "adults",
        "sites": tuple(SnapshotPin(site=SiteName(name), sha256="0" * 64) for name in ("alpha", "beta")),
        "minimum_sites": 2,
        "label": Label(table=LabelTable.CONDITION, code="C34.1"),
        "features": (Feature(code="2160-0", unit="umol/L"),),
        "rounds": 3,
        "learning_rate": Bounds(lowest=0.1, highest=1.0, default=0.5),
        "local_epochs": Bounds(lowest=1, highest=5, default=1),
        "test_fraction": 0.3,
        "minimum_cohort": 10,
        "norm_bound": 10.0,
        "seed": 1,
        "expires": dt.date(2030, 1, 1),
        "app_sha256": "0" * 64,
        "messages": (TRAIN,),
        **changes,
    }
    return TrainingPlan(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "../hub"),
        ("project", "Lésions"),
        ("purpose", "  "),
        ("minimum_sites", 1),
        ("minimum_sites", 3),
        ("features", ()),
        ("features", (Feature(code="a", unit="1"), Feature(code="a", unit="1"))),
        ("rounds", 0),
        ("rounds", 10_001),
        ("local_epochs", Bounds(lowest=1, highest=5, default=2.5)),
        ("local_epochs", Bounds(lowest=1, highest=10_001, default=2)),
        ("test_fraction", 0.0),
        ("test_fraction", 1.0),
        ("minimum_cohort", 9),
        ("norm_bound", math.inf),
        ("seed", -1),
        ("app_sha256", "abc"),
        ("messages", (TRAIN, TRAIN)),
    ],
)
def test_a_field_out_of_bounds_is_named(field, value):
    with pytest.raises(InputError, match=f"training plan, {field}"):
        a_plan(**{field: value})


def test_a_label_that_is_its_own_feature_is_no_discovery():
    label = Label(table=LabelTable.MEASUREMENT, code="2160-0", unit="umol/L", at_least=100.0)
    with pytest.raises(InputError, match="not itself a feature"):
        a_plan(label=label)


def test_an_image_task_has_a_grid_and_no_features():
    a_plan(task=Task.IMAGE, features=(), preprocessing=GRID)
    with pytest.raises(InputError, match="preprocessing"):
        a_plan(task=Task.IMAGE)
    with pytest.raises(InputError, match="no preprocessing"):
        a_plan(preprocessing=GRID)


@pytest.mark.parametrize(
    ("table", "rule"),
    [
        (LabelTable.CONDITION, {"value": "x"}),
        (LabelTable.OBSERVATION, {}),
        (LabelTable.OBSERVATION, {"value": "x", "at_least": 1.0}),
        (LabelTable.CONDITION, {"unit": "mg/L"}),
        (LabelTable.MEASUREMENT, {"value": "x"}),
        (LabelTable.MEASUREMENT, {"at_least": 1.0}),
        (LabelTable.MEASUREMENT, {}),
    ],
)
def test_a_label_rule_says_what_its_table_needs_and_no_more(table, rule):
    with pytest.raises(InputError, match="training plan, label"):
        Label(table=table, code="c", **rule)


@pytest.mark.parametrize("bounds", [(0.0, 1.0, 0.5), (2.0, 1.0, 1.5), (0.1, 1.0, 2.0), (0.1, math.inf, 1.0)])
def test_bounds_bound(bounds):
    low, high, default = bounds
    with pytest.raises(InputError, match="lowest <= default <= highest"):
        Bounds(lowest=low, highest=high, default=default)


def test_nothing_is_within_bounds_but_numbers_between_them():
    bounds = Bounds(lowest=0.1, highest=1.0, default=0.5)
    assert [bounds.allow(value) for value in (0.1, 1.0, 0.09, 1.01, math.nan)] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(TrainingPlan)])
def test_every_field_is_in_the_document_that_is_signed(field):
    exempt = a_plan(
        task=Task.IMAGE, features=(), preprocessing=GRID, faces="exempt", faces_reason="Orbits are studied."
    )
    assert field in exempt.as_document()


def test_a_plan_that_says_nothing_of_faces_keeps_the_hash_it_was_signed_with():
    fields = {field.name for field in dataclasses.fields(TrainingPlan)}
    assert a_plan().as_document().keys() == fields - {"faces", "faces_reason"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"faces": "exempt"}, "faces_reason"),
        ({"faces": "exempt", "faces_reason": " "}, "faces_reason"),
        ({"faces_reason": "Orbits are studied."}, "faces_reason"),
    ],
)
def test_faces_are_exempted_with_a_reason(changes, field):
    with pytest.raises(InputError, match=f"training plan, {field}: "):
        a_plan(task=Task.IMAGE, features=(), preprocessing=GRID, **changes)


def test_only_images_have_faces_to_exempt():
    with pytest.raises(InputError, match="training plan, faces: "):
        a_plan(faces="exempt", faces_reason="Orbits are studied.")
