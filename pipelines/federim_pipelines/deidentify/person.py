"""One patient as a header tells of them: who they are, their own values, the rules made of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.dates import parse_date
from federim_pipelines.deidentify.header import Attributes
from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.deidentify.policy.policy import Policy
from federim_pipelines.deidentify.private import PrivateRules
from federim_pipelines.deidentify.text.cleaner import TextCleaner
from federim_pipelines.deidentify.text.ner import second_pass
from federim_pipelines.deidentify.text.own_values import OwnValues
from federim_pipelines.deidentify.values import ValueRules
from federim_pipelines.keying import Keying, Originals

SubjectOf = Callable[[Attributes], Subject]


@dataclass(frozen=True, slots=True)
class Person:
    """A patient as a header tells of them, and the rules for their values."""

    subject: Subject
    rules: ValueRules
    text: TextCleaner
    private: PrivateRules | None


def person_of(
    attributes: Attributes, policy: Policy, subject_of: SubjectOf, originals: Originals | None = None
) -> Person:
    """Gather them from a header as the device wrote it; raises what `subject_of` raises."""
    subject = subject_of(attributes)
    own = OwnValues.of(attributes)
    if policy.moves_dates:  # an unmoved day anywhere beside the moved ones would tell the shift
        own = replace(own, numbers=own.numbers | _days(attributes))
    second = second_pass() if policy.finds_names else None
    text = TextCleaner(own, denied=policy.denied, second=second)
    studied = [parse_date(str(part)) for part in values_of(attributes.get("StudyDate"))[:1]]
    year = studied[0].year if studied and studied[0] is not None else None
    private = PrivateRules(policy.dispositions) if policy.keeps_private else None
    rules = ValueRules(policy, Keying(subject, originals), own, text, study_year=year)
    return Person(subject, rules, text, private)


def _days(attributes: Attributes) -> frozenset[str]:
    """The days of an examination, as they would be written without separators."""
    keywords = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
    days = (parse_date(str(part)) for keyword in keywords for part in values_of(attributes.get(keyword)))
    return frozenset(f"{day:%Y%m%d}" for day in days if day is not None)
