"""The small network: it finds a lesion, it repeats, and its messages are declared whole."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch", reason="the image task needs the extra `train`")

from federim_federated.metrics import auc
from federim_federated.tasks import image

PLAN = SimpleNamespace(seed=11, norm_bound=50.0)


def phantoms(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy cylinders of 16 × 32 × 32 voxels; a case has a brighter ball somewhere."""
    draw = np.random.default_rng(seed)
    labels = (np.arange(count) % 2).astype(float)
    z, y, x = np.mgrid[:16, :32, :32]
    body = (y - 16) ** 2 + (x - 16) ** 2 < 14**2
    inputs = []
    for label in labels:
        volume = np.where(body, 0.3 + 0.05 * draw.standard_normal(body.shape), 0.0)
        centre = draw.integers([4, 10, 10], [12, 22, 22])
        ball = (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 < 9
        inputs.append(np.clip(volume + 0.4 * label * ball, 0, 1))
    return np.stack(inputs).astype(np.float32), labels


@pytest.fixture(scope="module")
def trained():
    return image.train(image.initial(PLAN), *phantoms(40, seed=1), learning_rate=3e-3, epochs=12, seed=5)


def test_it_finds_a_lesion_it_has_not_seen(trained):
    inputs, labels = phantoms(40, seed=2)
    assert auc(labels, image.score(trained[0], inputs)) > 0.9


def test_training_repeats_to_the_last_bit():
    start, series = image.initial(PLAN), phantoms(10, seed=3)
    one, other = (image.train(start, *series, learning_rate=3e-3, epochs=1, seed=5) for _ in range(2))
    assert one[1] == other[1]
    for name, array in one[0].items():
        assert array.tobytes() == other[0][name].tobytes(), name


def test_another_seed_shuffles_otherwise():
    start, series = image.initial(PLAN), phantoms(20, seed=3)
    one, other = (image.train(start, *series, learning_rate=3e-3, epochs=1, seed=seed) for seed in (5, 6))
    assert one[1] != other[1]


def test_the_declared_messages_hold_the_whole_model_and_nothing_else():
    declared = {shape.name: (shape.shape, shape.dtype) for shape in image.messages(PLAN)[0].replies}
    assert declared == {name: (a.shape, str(a.dtype)) for name, a in image.initial(PLAN).items()}
    assert not any("running" in name for name in declared), "no statistics of one site's scanner"


def test_drawing_the_first_weights_does_not_disturb_anyone_elses_chance():
    import torch

    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    image.initial(PLAN)
    assert torch.rand(1) == expected
