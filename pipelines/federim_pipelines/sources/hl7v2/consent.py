"""Turn the consents that the French segments ZFA and ZFD tell into observations."""

from __future__ import annotations

from typing import Final

from federim_pipelines.codes.code import Code
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.hl7v2.envelope import Envelope, Found
from federim_pipelines.sources.hl7v2.messages import Message
from federim_pipelines.sources.hl7v2.moments import first_of

# Segment, field with the answer, field with its date (0: the event's own), and the answers.
_CONSENTS: Final = (
    # To feeding the shared record: informed and not opposed, opposed, not asked.
    ("ZFA", 9, 10, frozenset({"INO", "IO", "NA"})),
    ("ZFA", 11, 12, frozenset({"IC", "INC", "NA"})),  # to its consultation: consents, does not, not asked
    ("ZFD", 3, 0, frozenset({"Y", "N"})),  # to messages on a mobile phone; here the last answer stands
)


def take_consents(message: Message, envelope: Envelope, found: Found) -> None:
    """Make an observation of each consent, coded by its segment and field, for each day one was given.

    They are consents to care and its record, and none is one to research: that is the site's own register
    of oppositions.

    References
    ----------
    IHE France, PAM national extension 2.11, segments ZFA and ZFD.
    """
    for name, answer, date, answers in _CONSENTS:
        segment = message.first(name)
        value = segment(answer) if segment else ""
        if segment is None or not value:
            continue
        code = Code(f"{name}-{answer}", None)
        key = envelope.key("consent", code.code, segment(date) if date else "")
        event = message.first("EVN")
        told = [(segment(date), f"{name}-{date}")] if date else []
        if event is not None:
            told += [(event(6), "EVN-6"), (event(2), "EVN-2")]
        try:
            if value not in answers:
                raise Unusable(Reason.VALUE_UNUSABLE, code.code)
            row = envelope.facts().observation(key.hex(), code, first_of(*told), value=Code(value, None))
        except Unusable as error:
            found.refused(error, segment.line)
            continue
        found.records.append(envelope.record(key, [row], segment))
