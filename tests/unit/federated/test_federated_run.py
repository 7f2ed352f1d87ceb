"""A whole run inside one process: it learns, it is written down, it repeats exactly."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from federim.audit import trail
from federim_federated import run


def test_a_run_learns_and_leaves_its_model_checkpoints_and_metrics(consortium, plan_name):
    agreed = consortium.agreed(plan_name)
    summary = run.run(consortium.hub, plan_name, list(consortium.sites.values()), actor="ada")
    assert summary.sites == ("alpha", "beta", "gamma")
    assert summary.refused == {}
    assert summary.auc is not None and summary.auc > 0.75
    folder = summary.model.parent
    assert {path.name for path in folder.glob("round-*.npz")} == {
        f"round-{n:04d}.npz" for n in range(1, agreed.plan.rounds + 1)
    }
    model = np.load(summary.model)
    assert set(model) == {"weights", "bias", "mean", "deviation"}
    assert model["weights"][0] > abs(model["weights"][1]), "CRP tells a lesion, creatinine does not"
    metrics = pq.read_table(folder / "metrics.parquet").to_pandas()
    assert set(metrics["message"]) == {"query.statistics", "train", "evaluate"}
    facts = json.loads(summary.model.with_suffix(".json").read_text())
    assert facts["digest"] == agreed.digest
    assert facts["sha256"] == hashlib.sha256(summary.model.read_bytes()).hexdigest()
    (told,) = trail.events(consortium.hub, act="federated.model", limit=1)
    assert (told.detail["run"], told.detail["sha256"]) == (summary.run, facts["sha256"])
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_run_repeats_to_the_last_bit(consortium, plan_name):
    consortium.agreed(plan_name)
    sites = list(consortium.sites.values())
    first = run.run(consortium.hub, plan_name, sites, actor="ada")
    second = run.run(consortium.hub, plan_name, sites, actor="ada")
    assert first.run != second.run
    assert first.model.read_bytes() == second.model.read_bytes()


def test_everything_that_left_a_site_is_in_its_audit_trail(consortium, plan_name, alpha):
    agreed = consortium.agreed(plan_name)
    before = len(trail.events(alpha, act="federated.reply"))
    run.run(consortium.hub, plan_name, list(consortium.sites.values()), actor="ada")
    assert len(trail.events(alpha, act="federated.reply")) - before == 1 + 2 * agreed.plan.rounds
    assert trail.verify(alpha).ok


@pytest.mark.parametrize("forbidden", [{"learning_rate": 2.0}, {"local_epochs": 6}])
def test_a_setting_outside_the_plan_never_leaves_the_hub(consortium, plan_name, forbidden):
    from federim.model.errors import InputError

    consortium.agreed(plan_name)
    with pytest.raises(InputError, match="allows a learning rate of"):
        run.run(consortium.hub, plan_name, list(consortium.sites.values()), actor="ada", **forbidden)
