"""A site's gate: the authority on what a training message may bring in and what may leave with the reply.

It stands outside the code that trains. What passes is rebuilt from what was checked, so that nothing
undeclared travels with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from federim.home import Home
from federim.model.errors import (
    FederimError,
    LakeError,
    NotApproved,
    UnknownName,
    VerificationFailed,
)
from federim.model.training import FLOOR_COHORT, ArrayShape, MessageShape, TrainingPlan
from federim_federated import pins, plan, plan_store, project_key, site_data
from federim_federated.codes import GateCode, Refused
from federim_federated.flower import (
    Array,
    ArrayRecord,
    ConfigRecord,
    Message,
    MessageType,
    MetricRecord,
    RecordDict,
)
from federim_federated.plan_store import SignedPlan
from federim_federated.records import ARRAYS, CONFIG, METRICS, Arrays, to_record

NPY_HEADER: Final = 1024
"""More than numpy writes before the first element of an array of few dimensions."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A message that may be worked on, and what its reply may be."""

    plan: TrainingPlan
    shape: MessageShape
    message: Message


class Gate:
    """The gate of one site.

    Raises
    ------
    Refused
        From both methods, with the public code of the first rule that does not hold.
    """

    def __init__(self, home: Home) -> None:
        self._home = home

    @property
    def name(self) -> str:
        """The site's name."""
        return self._home.name

    def admit(self, message: Message) -> Admitted:
        """Check a message before any code of the task sees it."""
        content = message.content if message.has_content() else RecordDict()
        config = content.config_records.get(CONFIG, ConfigRecord())
        signed = self._plan(config.get("plan"))
        shape = signed.plan.message(message.metadata.message_type)
        if shape is None:
            raise Refused(GateCode.MESSAGE_TYPE)
        only_config = set(content.config_records) == {CONFIG} and not content.metric_records
        if not only_config or not _config_allowed(config, signed.plan, shape):
            raise Refused(GateCode.RUN_CONFIG)
        arrays = _arrays(content, shape.receives, otherwise=GateCode.MODEL_ARRAYS)
        if not _finite(arrays.values()):
            raise Refused(GateCode.MODEL_ARRAYS)
        self._check_cohort(signed.plan, shape)
        return Admitted(signed.plan, shape, message)

    def release(self, admitted: Admitted, reply: Message) -> Message:
        """Check a reply, and build the one that leaves from nothing but what was checked."""
        content = reply.content if reply.has_content() else RecordDict()
        shape = admitted.shape
        arrays = _arrays(content, shape.replies, otherwise=GateCode.REPLY_ARRAYS)
        metrics = _metrics(content, shape)
        if not _finite(arrays.values()) or not _finite(np.asarray(value) for value in metrics.values()):
            raise Refused(GateCode.REPLY_NOT_FINITE)
        if _norm(arrays.values()) > shape.norm_bound:
            raise Refused(GateCode.REPLY_NORM)
        for declared in shape.replies:
            counts = arrays[declared.name]
            if declared.counts and np.any((counts != 0) & (counts < self._home.settings.small_cell)):
                raise Refused(GateCode.REPLY_SMALL_CELL)
        leaving = RecordDict({METRICS: MetricRecord({**metrics})})
        if arrays:
            leaving[ARRAYS] = to_record(arrays)
        return Message(leaving, reply_to=admitted.message)

    def _plan(self, digest: object) -> SignedPlan:
        try:
            signed = plan_store.find(self._home, digest if isinstance(digest, str) else "")
        except FederimError:
            raise Refused(GateCode.PLAN_UNKNOWN) from None
        for check, code in (
            (plan.check_committee, GateCode.NOT_SIGNED),
            (plan.check_site, GateCode.NOT_COUNTERSIGNED),
        ):
            try:
                check(self._home, signed)
            except (NotApproved, VerificationFailed):
                raise Refused(code) from None
        if plan.expired(signed.plan):
            raise Refused(GateCode.EXPIRED)
        if plan.changed(signed.plan):
            raise Refused(GateCode.APP_CHANGED)
        return signed

    def _check_cohort(self, agreed: TrainingPlan, shape: MessageShape) -> None:
        try:
            pins.pinned(self._home, agreed)
        except (LakeError, UnknownName, VerificationFailed):
            raise Refused(GateCode.SNAPSHOT_CHANGED) from None
        try:
            project_key.read(self._home, agreed.project)
        except FederimError:  # none here, or its hub is not trusted any more
            raise Refused(GateCode.PROJECT_KEY_MISSING) from None
        data = site_data.load(self._home, agreed)
        behind = data.test if shape.message_type == MessageType.EVALUATE else data.train
        if behind.persons < max(FLOOR_COHORT, agreed.minimum_cohort, self._home.settings.minimum_cohort):
            raise Refused(GateCode.COHORT_TOO_SMALL)


def _config_allowed(config: ConfigRecord, agreed: TrainingPlan, shape: MessageShape) -> bool:
    if set(config) != set(shape.config):
        return False
    rounds, rate, epochs = (config.get(key) for key in ("server-round", "learning-rate", "local-epochs"))
    return (
        (rounds is None or (type(rounds) is int and 1 <= rounds <= agreed.rounds))
        and (rate is None or (type(rate) is float and agreed.learning_rate.allow(rate)))
        and (epochs is None or (type(epochs) is int and agreed.local_epochs.allow(epochs)))
    )


def _arrays(content: RecordDict, declared: tuple[ArrayShape, ...], *, otherwise: GateCode) -> Arrays:
    """The arrays of the message's one ArrayRecord, exactly as declared, else the code `otherwise`."""
    if set(content.array_records) != ({ARRAYS} if declared else set()):
        raise Refused(otherwise)
    record = content.array_records.get(ARRAYS, ArrayRecord())
    if set(record) != {shape.name for shape in declared}:
        raise Refused(otherwise)
    return {shape.name: _array(record[shape.name], shape, otherwise) for shape in declared}


def _array(array: Array, declared: ArrayShape, otherwise: GateCode) -> NDArray[Any]:
    # The record's own word for shape and type is not believed; the bytes are, and only as many as are due.
    due = int(np.prod(declared.shape, dtype=np.int64)) * np.dtype(declared.dtype).itemsize
    if len(array.data) > due + NPY_HEADER:
        raise Refused(otherwise)
    try:
        found = array.numpy()
    except Exception:
        raise Refused(otherwise) from None
    if not isinstance(found, np.ndarray) or found.shape != declared.shape or found.dtype != declared.dtype:
        raise Refused(otherwise)
    return found


def _metrics(content: RecordDict, shape: MessageShape) -> dict[str, int | float]:
    records = content.metric_records
    if set(records) != {METRICS} or set(records[METRICS]) != set(shape.metrics):
        raise Refused(GateCode.REPLY_METRICS)
    values = {name: value for name, value in records[METRICS].items() if isinstance(value, int | float)}
    if len(values) < len(shape.metrics):
        raise Refused(GateCode.REPLY_METRICS)
    return values


def _finite(arrays: Iterable[NDArray[Any]]) -> bool:
    return all(bool(np.isfinite(array).all()) for array in arrays)


def _norm(arrays: Iterable[NDArray[Any]]) -> float:
    """L2 norm over all elements of all arrays, in float64."""
    return float(np.sqrt(sum(float(np.sum(np.square(array, dtype=np.float64))) for array in arrays)))
