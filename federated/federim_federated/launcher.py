"""Answer one message at a site: gate, task, gate; whatever fails becomes a public code."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from federim.audit import trail
from federim.home import Home, Role
from federim_federated import client
from federim_federated.codes import PUBLIC_SENTENCE, GateCode, Refused
from federim_federated.flower import Context, Error, Message, RecordDict
from federim_federated.gate import Gate

LOG: Final = logging.getLogger("federim.federated.gate")


class Launcher:
    """The only way a message reaches a site's data, and the only way a reply leaves."""

    def __init__(self, home: Home) -> None:
        self._home = home.require(Role.SITE)
        self._gate = Gate(home)

    @property
    def site(self) -> str:
        """The site's name."""
        return self._home.name

    def answer(self, message: Message) -> Message:
        """The reply that leaves the site. It never raises: Flower would send the exception's text on."""
        try:
            admitted = self._gate.admit(message)
            leaving = self._gate.release(admitted, client.app(message, self._context(message)))
            self._record("federated.reply", message, plan=admitted.plan.name)
        except Refused as refused:
            return self._refuse(message, refused.code)
        except Exception as error:
            # The text of an unforeseen exception may quote a patient's value; its kind and place do not.
            LOG.warning("%s: %s at %s", self.site, type(error).__name__, _place(error))
            return self._refuse(message, GateCode.FAILED)
        return leaving

    def _refuse(self, message: Message, code: GateCode) -> Message:
        LOG.warning("%s refused %s: %s", self.site, message.metadata.message_type, PUBLIC_SENTENCE[code])
        try:
            self._record("federated.refuse", message, code=code.name)
        except Exception as error:  # a reply needs its audit event; a refusal must go out even without
            LOG.error("%s: the audit trail cannot be written (%s)", self.site, type(error).__name__)
        return Message(Error(code=int(code), reason=PUBLIC_SENTENCE[code]), reply_to=message)

    def _record(self, act: str, message: Message, **detail: str | int) -> None:
        # Cut to what the trail takes: the sender chose it, and a refusal is not to go unrecorded.
        run, kind = message.metadata.run_id, message.metadata.message_type[:80]
        trail.record(self._home, "gate", act, run=run, message=kind, **detail)

    def _context(self, message: Message) -> Context:
        return Context(
            run_id=message.metadata.run_id,
            node_id=message.metadata.dst_node_id,
            node_config={"home": str(self._home.root)},
            state=RecordDict(),
            run_config={},
        )


def _place(error: Exception) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return (
        f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else "an unknown place"
    )
