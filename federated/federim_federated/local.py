"""A Flower grid inside one process: each site home is a node behind its own gate."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from federim.home import Home
from federim.model.errors import InputError
from federim_federated import flower_internals
from federim_federated.flower import Grid, Message, RecordDict
from federim_federated.flower_internals import Run
from federim_federated.launcher import Launcher

FIRST_SITE_NODE = flower_internals.SERVER_NODE + 1


class LocalGrid(Grid):
    """Runs the very apps a SuperLink would, one site after the other, so that a run repeats exactly.

    A message is serialised with Flower's own Protocol Buffers in both directions: what one site does to
    its copy never reaches another, nor the server.
    """

    def __init__(self, sites: Sequence[Home], run_id: int) -> None:
        names = [home.name for home in sites]
        if len(set(names)) < len(names):
            raise InputError("each site takes part once; two of the homes given have one name")
        self._launchers = {FIRST_SITE_NODE + place: Launcher(home) for place, home in enumerate(sites)}
        self._run = flower_internals.empty_run(run_id)
        self._replies: dict[str, Message] = {}
        self._sent = 0

    @property
    def sites(self) -> Mapping[int, str]:
        """The name of the site behind each node."""
        return {node: launcher.site for node, launcher in self._launchers.items()}

    @property
    def run(self) -> Run:
        """What Flower knows of the run: its number."""
        return self._run

    def set_run(self, run: Run) -> None:
        """Work for another run from now on."""
        self._run = run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """A message from the server to one node."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """Every site's node."""
        return list(self._launchers)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Deliver messages and have each answered at its site; returns their identifiers."""
        return [self._deliver(message) for message in messages]

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """The replies to those messages, each handed out once."""
        return [self._replies.pop(message_id) for message_id in message_ids if message_id in self._replies]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Deliver messages until `timeout` seconds have passed, and return the replies that came in time."""
        ends = time.monotonic() + timeout if timeout is not None else None
        delivered: list[str] = []
        for message in messages:
            if ends is not None and time.monotonic() >= ends:
                break
            delivered.append(self._deliver(message))
        return self.pull_messages(delivered)

    def _deliver(self, message: Message) -> str:
        self._sent += 1
        message_id = f"{self._run.run_id}-{self._sent}"
        flower_internals.number(message, message_id)
        launcher = self._launchers[message.metadata.dst_node_id]
        reply = launcher.answer(flower_internals.over_the_wire(message))
        self._replies[message_id] = flower_internals.over_the_wire(reply)
        return message_id
