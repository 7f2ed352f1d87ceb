"""Federated averaging that records each site's metrics and keeps a checkpoint a round."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final, cast

from federim.model.training import TrainingPlan
from federim_federated.flower import ArrayRecord, FedAvg, Message, MessageType, MetricRecord, RecordDict
from federim_federated.quorum import Quorum
from federim_federated.recorder import ALL_SITES, Recorder
from federim_federated.records import ARRAYS, CONFIG, EXAMPLES, Arrays, from_record, metrics_of, to_record

LOG: Final = logging.getLogger("federim.federated")


class RecordedAverage(FedAvg):
    """Flower's FedAvg, sites weighted by their examples.

    Parameters
    ----------
    fixed : Arrays
        Arrays of the model that sites receive and never change (the scale of features), put back after
        each average.

    References
    ----------
    McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data (2017).
    """

    def __init__(self, plan: TrainingPlan, quorum: Quorum, recorder: Recorder, *, fixed: Arrays) -> None:
        super().__init__(
            min_train_nodes=plan.minimum_sites,
            min_evaluate_nodes=plan.minimum_sites,
            min_available_nodes=plan.minimum_sites,
            weighted_by_key=EXAMPLES,
            arrayrecord_key=ARRAYS,
            configrecord_key=CONFIG,
            evaluate_metrics_aggr_fn=average_evaluations,
        )
        self._plan = plan
        self._quorum = quorum
        self._recorder = recorder
        self._fixed = fixed
        self._arrays: Arrays = {}
        self.last: dict[str, float] = {}  # the latest loss and, where it may be told, AUC over all sites

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Average the sites' models; raise `GateRefused` if too few sent one."""
        accepted = self._accept(server_round, MessageType.TRAIN, replies)
        average, metrics = super().aggregate_train(server_round, accepted)
        if average is None or metrics is None:  # by FedAvg's signature; a quorum is never empty
            return None, None
        self._arrays = {**from_record(average), **self._fixed}
        self._recorder.metrics(server_round, MessageType.TRAIN, ALL_SITES, _numbers(metrics))
        return to_record(self._arrays), metrics

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """Average the sites' tests, then write the round down."""
        accepted = self._accept(server_round, MessageType.EVALUATE, replies)
        metrics = super().aggregate_evaluate(server_round, accepted)
        self.last = _numbers(metrics or MetricRecord())
        self._recorder.metrics(server_round, MessageType.EVALUATE, ALL_SITES, self.last)
        self._recorder.checkpoint(server_round, self._arrays, {"plan": self._plan.name, **self.last})
        self._recorder.flush()
        told = ", ".join(f"{name} {value:.3f}" for name, value in sorted(self.last.items()))
        LOG.info(
            "round %d of %d: %s (%d sites tested)",
            server_round,
            self._plan.rounds,
            told or "no test",
            len(accepted),
        )
        return metrics

    def _accept(self, round_: int, message_type: str, replies: Iterable[Message]) -> list[Message]:
        accepted = self._quorum.accepted(round_, message_type, replies)
        for reply in accepted:
            told = metrics_of(reply.content)
            if told.get("auc-examples") == 0:  # an AUC the site may not tell is sent as 0; it is none
                del told["auc"]
            self._recorder.metrics(round_, message_type, self._quorum.site(reply), told)
        return accepted


def average_evaluations(contents: list[RecordDict], weight: str) -> MetricRecord:
    """Loss weighted by examples; AUC weighted by the examples behind those AUCs that sites may tell.

    The mean of the sites' own AUCs compares patients within a site only; it is not the AUC of the pooled
    test sets, which would need scores to leave.
    """
    tests = [metrics_of(content) for content in contents]
    examples = sum(test[weight] for test in tests)
    averaged = {"loss": sum(test["loss"] * test[weight] for test in tests) / examples}
    told = sum(test["auc-examples"] for test in tests)
    if told:
        averaged["auc"] = sum(test["auc"] * test["auc-examples"] for test in tests) / told
    return MetricRecord({**averaged})


def _numbers(metrics: MetricRecord) -> dict[str, float]:
    return {name: cast("float", value) for name, value in metrics.items()}
