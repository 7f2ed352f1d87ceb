"""Every use of names that Flower does not promise to keep: what an in-process grid cannot do without.

A test compares `VERSION` and the signatures below with the installed flwr, so that an upgrade fails there
and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from federim_federated.flower import Message  # first: it switches flwr's telemetry off

# isort: split
from flwr.common.serde import message_from_proto, message_to_proto
from flwr.proto.message_pb2 import Message as ProtoMessage
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

__all__ = ["SERVER_NODE", "VERSION", "Run", "empty_run", "number", "over_the_wire", "server_identity"]

VERSION: Final = "1.41"
SERVER_NODE: Final = 1
"""The node a ServerApp speaks from; Flower's SuperLink uses the same number."""


@contextmanager
def server_identity(run_id: int) -> Iterator[None]:
    """Let `Message(...)` be built in this process, as Flower's own launcher of ServerApps does."""
    before = (TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id)
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 0, run_id, SERVER_NODE
    try:
        yield
    finally:
        TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id = before


def empty_run(run_id: int) -> Run:
    """A run with nothing but its number, for `Grid.run`."""
    return Run.create_empty(run_id)


def number(message: Message, message_id: str) -> None:
    """Give a message its identifier, which a SuperLink does on arrival."""
    message.metadata.__dict__["_message_id"] = message_id


def over_the_wire(message: Message) -> Message:
    """The message as its receiver would read it: through Flower's own Protocol Buffers, sharing no memory."""
    return message_from_proto(ProtoMessage.FromString(message_to_proto(message).SerializeToString()))
