"""Make the lake's clinical rows, the same from whatever source a fact came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from federim.keys import keyed
from federim.model.identifiers import SiteName, Subject
from federim_pipelines.codes.code import Code, is_national_number
from federim_pipelines.codes.codebook import Codebook
from federim_pipelines.codes.units import usable
from federim_pipelines.extract.moments import Moment
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason, Row
from federim_pipelines.keying import Keying, Originals

Rows = list[tuple[str, Row]]
TableRow = tuple[str, Row]

NOWHEN = Moment()

_LEAST_NIR = 1e14  # fifteen digits

MALE, FEMALE, UNKNOWN_GENDER = 8507, 8532, 0  # OMOP concepts
_GENDERS = {"M": MALE, "F": FEMALE, "male": MALE, "female": FEMALE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Makes rows about one person; `report_id` and `visit_occurrence_id` say what they were told in.

    Moments are given as the source has them, and moved here by the person's own number of days. The
    StudyInstanceUID and accession number are the source's own too, and keyed here.
    """

    subject: Subject
    codebook: Codebook
    originals: Originals | None = None  # see `Keying`
    report_id: str | None = None
    visit_occurrence_id: str | None = None

    def measurement(
        self,
        key: str,
        code: Code,
        at: Moment,
        *,
        number: float | None = None,
        value: Code | None = None,
        operator: str | None = None,
        unit: str | None = None,
        limits: tuple[float | None, float | None] = (None, None),
        specimen: Code | None = None,
    ) -> TableRow:
        """A result: a number in `unit` with its limits of normal (low, high), or a code.

        Parameters
        ----------
        key : str, 32 hexadecimal digits
            See `part_key`.

        Raises
        ------
        Unusable
            The unit is none, or cannot be converted to the canonical unit of the code; or the number is a
            person's.
        """
        _require_no_person(number, *limits)
        measured = self.codebook.canonical(code, unit, (number, *limits))
        moment = at.shifted(self.subject.date_shift_days)
        return "measurement", self._row("measurement_id", key) | self._told() | {
            **self._columns("measurement", code),
            "measurement_date": moment.date,
            "measurement_datetime": moment.datetime,
            "value_as_number": measured.numbers[0],
            "value_source_code": None if value is None else value.code,
            "operator": operator,
            "unit": measured.unit,
            "range_low": measured.numbers[1],
            "range_high": measured.numbers[2],
            "value_source_number": number,
            "unit_source_value": unit,
            "specimen_source_value": None if specimen is None else specimen.code,
        }

    def observation(
        self, key: str, code: Code, at: Moment, *, number: float | None = None, value: Code | None = None
    ) -> TableRow:
        """A fact that is neither measured nor a diagnosis: a smoking status, a consent, a conclusion.

        Raises
        ------
        Unusable
            The number is a person's.
        """
        _require_no_person(number)
        return "observation", self._row("observation_id", key) | self._told() | {
            **self._columns("observation", code),
            "observation_date": at.shifted(self.subject.date_shift_days).date,
            "value_as_number": number,
            "value_source_code": None if value is None else value.code,
        }

    def condition(self, key: str, code: Code, start: Moment, end: Moment = NOWHEN) -> TableRow:
        """A diagnosis."""
        return "condition_occurrence", self._row("condition_occurrence_id", key) | self._told() | {
            **self._columns("condition", code),
            "condition_start_date": start.shifted(self.subject.date_shift_days).date,
            "condition_end_date": end.shifted(self.subject.date_shift_days).date,
        }

    def procedure(
        self,
        key: str,
        code: Code,
        at: Moment,
        *,
        body_site: Code | None = None,
        laterality: Code | None = None,
        study_uid: str | None = None,
    ) -> TableRow:
        """An act; `study_uid` is the StudyInstanceUID of the images it made."""
        return "procedure_occurrence", self._row("procedure_occurrence_id", key) | self._told() | {
            **self._columns("procedure", code),
            "procedure_date": at.shifted(self.subject.date_shift_days).date,
            "body_site_source_value": None if body_site is None else body_site.code,
            "laterality_source_value": None if laterality is None else laterality.code,
            "StudyInstanceUID": self._study(study_uid),
        }

    def drug(
        self,
        key: str,
        code: Code,
        start: Moment,
        end: Moment = NOWHEN,
        *,
        quantity: float | None = None,
        unit: str | None = None,
        route: Code | None = None,
    ) -> TableRow:
        """A drug given or taken.

        Raises
        ------
        Unusable
            The unit is none, or the quantity is a person's number.
        """
        _require_no_person(quantity)
        if unit is not None and not usable(unit):
            raise Unusable(Reason.VALUE_UNUSABLE, "unit of the dose")
        return "drug_exposure", self._row("drug_exposure_id", key) | self._told() | {
            **self._columns("drug", code),
            "drug_exposure_start_date": start.shifted(self.subject.date_shift_days).date,
            "drug_exposure_end_date": end.shifted(self.subject.date_shift_days).date,
            "quantity": quantity,
            "dose_unit_source_value": unit,
            "route_source_value": None if route is None else route.code,
        }

    def visit(self, key: str, code: Code, start: Moment, end: Moment = NOWHEN) -> TableRow:
        """A stay or a consultation."""
        days = self.subject.date_shift_days
        first, last = start.shifted(days), end.shifted(days)
        return "visit_occurrence", self._row("visit_occurrence_id", key) | {
            **self._columns("visit", code),
            "visit_start_date": first.date,
            "visit_start_datetime": first.datetime,
            "visit_end_date": last.date,
            "visit_end_datetime": last.datetime,
        }

    def report(self, key: str, code: Code, at: Moment, *, version: int | None = None) -> TableRow:
        """That a document exists; `code` says of what kind."""
        moment = at.shifted(self.subject.date_shift_days)
        return "report", self._row("report_id", key) | {
            **self._columns("report", code),
            "report_date": moment.date,
            "report_datetime": moment.datetime,
            "version": version,
        }

    def report_studies(self, key: str, studies: Sequence[tuple[str | None, str | None]]) -> Rows:
        """What examinations the report `key` speaks of: (StudyInstanceUID, accession number) of each."""
        return [
            (
                "report_study",
                self._row("report_study_id", study_part(key, place))
                | {
                    "report_id": key,
                    "StudyInstanceUID": self._study(study_uid),
                    "accession_key": self._keying.accession(accession),
                },
            )
            for place, (study_uid, accession) in enumerate(studies)
            if study_uid or accession
        ]

    def _row(self, name: str, key: str) -> Row:
        return {"person_id": self.subject.person_id, name: key}

    def _told(self) -> Row:
        return {"report_id": self.report_id, "visit_occurrence_id": self.visit_occurrence_id}

    def _columns(self, noun: str, code: Code) -> Row:
        return {
            f"{noun}_concept_id": self.codebook.concept_id(code),
            f"{noun}_source_value": code.code,
            f"{noun}_source_system": code.system,
        }

    def _study(self, uid: str | None) -> str | None:
        return self._keying.uid(uid.strip()) if uid and uid.strip() else None

    @property
    def _keying(self) -> Keying:
        return Keying(self.subject, self.originals)


def person(
    subject: Subject, site: SiteName, *, year_of_birth: int | None = None, gender: int | None = None
) -> TableRow:
    """A row of person; what is None is filled when another record tells it."""
    return "person", {
        "person_id": subject.person_id,
        "year_of_birth": year_of_birth,
        "gender_concept_id": gender,
        "site": site,
        "linked": subject.linked,
        "identity_doubts": " ".join(subject.doubts) or None,
    }


def _require_no_person(*numbers: float | None) -> None:
    """Refuse an INS that was sent where a result belongs."""
    for number in numbers:
        if number is not None and abs(number) >= _LEAST_NIR and is_national_number(f"{number:.0f}"):
            raise Unusable(Reason.VALUE_UNUSABLE, "number: a national number")


def gender_of(told: str | None) -> int | None:
    """The OMOP concept of a sex as HL7 v2, v3 or FHIR code it; None where it is not told."""
    return _GENDERS.get(told, UNKNOWN_GENDER) if told else None


def part_key(record_key: bytes, noun: str, place: int | str) -> str:
    """What names one row of a record, 32 hexadecimal digits: its noun and its place among such."""
    return keyed(record_key, noun, str(place))[:16].hex()


def study_part(report_id: str, place: int) -> str:
    """What names a study that a report speaks of, by its place among such."""
    return part_key(bytes.fromhex(report_id), "study", place)
