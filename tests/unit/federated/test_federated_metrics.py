"""The AUC is scikit-learn's, and is not told of a class of one or two."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

from federim_federated.metrics import SMALLEST_CLASS, auc, evaluation, log_loss

scored = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5001, 1.0])), min_size=2
).filter(lambda rows: len({case for case, _ in rows}) == 2)


@given(scored)
def test_it_is_the_area_under_the_curve_ties_and_all(rows):
    labels, scores = np.array([case for case, _ in rows], float), np.array([score for _, score in rows])
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))


@given(scored)
def test_the_loss_is_the_mean_log_likelihood(rows):
    labels, scores = np.array([case for case, _ in rows], float), np.array([score for _, score in rows])
    assert log_loss(labels, scores) == pytest.approx(
        sklearn_log_loss(labels, np.clip(scores, 1e-7, 1 - 1e-7))
    )


def test_one_class_has_no_area():
    assert math.isnan(auc(np.ones(4), np.arange(4.0)))


@pytest.mark.parametrize("cases", range(2 * SMALLEST_CLASS))
def test_a_site_tells_its_auc_only_of_classes_large_enough(cases):
    persons = 2 * SMALLEST_CLASS
    labels = np.array([1.0] * cases + [0.0] * (persons - cases))
    told = evaluation(labels, np.linspace(0.9, 0.1, persons))
    enough = SMALLEST_CLASS <= cases <= persons - SMALLEST_CLASS
    assert (told["auc"], told["auc-examples"]) == ((1.0, persons) if enough else (0.0, 0))
