"""Logistic regression: its gradient, its missing values, its messages."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from federim_federated.tasks import tabular


@pytest.fixture
def rows():
    draw = np.random.default_rng(3)
    inputs = draw.normal(size=(200, 3)) * [1.0, 10.0, 0.1] + [0.0, 100.0, 5.0]
    labels = (draw.random(200) < 1 / (1 + np.exp(-(inputs[:, 0] + (inputs[:, 1] - 100) / 10)))).astype(float)
    return inputs, labels


@pytest.fixture
def model(rows):
    inputs, _ = rows
    return {
        "weights": np.array([0.3, -0.2, 0.1]),
        "bias": np.array([0.05]),
        "mean": inputs.mean(axis=0),
        "deviation": inputs.std(axis=0),
    }


def test_one_step_follows_the_gradient(model, rows):
    inputs, labels = rows

    def loss(weights: np.ndarray, bias: np.ndarray) -> float:
        at = {**model, "weights": weights, "bias": bias}
        _, value = tabular.train(at, inputs, labels, learning_rate=1.0, epochs=0, seed=0)
        return value + tabular.RIDGE * float(np.sum(weights**2)) / 2

    stepped, _ = tabular.train(model, inputs, labels, learning_rate=1.0, epochs=1, seed=0)
    nudge = 1e-6
    for place in range(3):
        up, down = (model["weights"] + sign * nudge * np.eye(3)[place] for sign in (1, -1))
        slope = (loss(up, model["bias"]) - loss(down, model["bias"])) / (2 * nudge)
        assert model["weights"][place] - stepped["weights"][place] == pytest.approx(slope, abs=1e-7)
    slope = (
        loss(model["weights"], model["bias"] + nudge) - loss(model["weights"], model["bias"] - nudge)
    ) / (2 * nudge)
    assert (model["bias"] - stepped["bias"])[0] == pytest.approx(slope, abs=1e-7)


def test_many_steps_reach_scikit_learns_coefficients(model, rows):
    inputs, labels = rows
    trained, _ = tabular.train(model, inputs, labels, learning_rate=1.0, epochs=2000, seed=0)
    reference = LogisticRegression(C=1 / (tabular.RIDGE * len(labels)), tol=1e-8)
    reference.fit(tabular.standardised(model, inputs), labels)
    np.testing.assert_allclose(trained["weights"], reference.coef_[0], atol=1e-3)
    np.testing.assert_allclose(trained["bias"], reference.intercept_, atol=1e-3)


def test_training_leaves_the_model_it_was_given(model, rows):
    before = {name: array.copy() for name, array in model.items()}
    tabular.train(model, *rows, learning_rate=1.0, epochs=3, seed=0)
    for name, array in before.items():
        np.testing.assert_array_equal(model[name], array)


def test_a_missing_value_scores_as_the_mean(model):
    missing, mean = np.array([[np.nan, 90.0, np.nan]]), np.array([[model["mean"][0], 90.0, model["mean"][2]]])
    np.testing.assert_allclose(tabular.score(model, missing), tabular.score(model, mean))


def test_scores_of_extreme_values_stay_probabilities(model):
    scores = tabular.score(model, np.array([[1e30, 0.0, 0.0], [-1e30, 0.0, 0.0]]))
    assert scores.tolist() == [1.0, 0.0]


def test_the_first_model_has_the_shapes_the_messages_declare(consortium, plan_name):
    plan = consortium.drafted(plan_name).plan
    declared = {shape.name: (shape.shape, shape.dtype) for shape in plan.message("train").receives}
    assert {name: (a.shape, str(a.dtype)) for name, a in tabular.initial(plan).items()} == declared
