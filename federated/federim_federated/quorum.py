"""Which sites answered, which refused and why, and whether enough are left to go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from federim.model.errors import GateRefused
from federim.model.training import TrainingPlan
from federim_federated.codes import PUBLIC_SENTENCE, GateCode
from federim_federated.flower import Message, MessageType

_NO_ANSWER: Final = "no answer in time"


class Quorum:
    """The server's list of who takes part, kept over one run."""

    def __init__(self, plan: TrainingPlan, sites: Mapping[int, str]) -> None:
        self._plan = plan
        self._sites = sites
        self.refused: dict[str, dict[str, str]] = {}  # site → message type → name of the public code

    @property
    def sites(self) -> list[str]:
        """Every site asked to take part."""
        return list(self._sites.values())

    def site(self, message: Message) -> str:
        """The name of the site that sent a reply."""
        return self._name(message.metadata.src_node_id)

    def accepted(self, round_: int, message_type: str, replies: Iterable[Message]) -> list[Message]:
        """The replies with content, in the order of nodes, so that sums do not depend on who was fastest.

        Raises
        ------
        GateRefused
            Fewer sites than the plan's minimum answered. A test may be answered by fewer, or by none: a
            site whose test persons are too few still trains.
        """
        in_order = sorted(replies, key=lambda reply: reply.metadata.src_node_id)
        good = [reply for reply in in_order if reply.has_content()]
        said = {self.site(reply): _code(reply) for reply in in_order if reply.has_error()}
        for site, code in said.items():
            self.refused.setdefault(site, {}).setdefault(message_type, code.name)
        if len(good) < self._plan.minimum_sites and message_type != MessageType.EVALUATE:
            answered = {self.site(reply) for reply in in_order}
            reasons = {site: PUBLIC_SENTENCE[code] for site, code in said.items()}
            reasons |= {site: _NO_ANSWER for site in self._sites.values() if site not in answered}
            told = "; ".join(f"{site}: {reason}" for site, reason in sorted(reasons.items()))
            raise GateRefused(
                f"round {round_}, {message_type}: {len(good)} of {len(self._sites)} sites answered "
                f"where the plan asks for {self._plan.minimum_sites}; {told}"
            )
        return good

    def _name(self, node: int) -> str:
        return self._sites.get(node, f"node {node}")


def _code(reply: Message) -> GateCode:
    # A node that fails below the gate answers with one of Flower's own codes; its text is not repeated.
    try:
        return GateCode(reply.error.code)
    except ValueError:
        return GateCode.FAILED
