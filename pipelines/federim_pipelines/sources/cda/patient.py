"""Read who a document is about, from its recordTarget."""

from __future__ import annotations

from collections.abc import Sequence

from federim.keys import canonical
from federim.model.identifiers import IdentityStatus, PatientIdentity, Subject
from federim_pipelines.deidentify.dates import year_of_birth
from federim_pipelines.extract.facts import gender_of, person
from federim_pipelines.extract.moments import birth_of_hl7
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason, Record
from federim_pipelines.keying import Keying
from federim_pipelines.sources.cda.datatypes import child, children
from federim_pipelines.sources.cda.parsing import Element
from federim_pipelines.sources.identifiers import Told, identity_of, sex_of
from federim_pipelines.worker import Worker

_BIRTH = "recordTarget/patientRole/patient/birthTime"


def the_role(roles: Sequence[Element]) -> Element:
    """The one patientRole of a document.

    Raises
    ------
    Unusable
        There is none, or a document about several persons, whose facts cannot be told apart.
    """
    if len(roles) != 1:
        raise Unusable(Reason.PATIENT_UNKNOWN, f"{len(roles)} recordTarget")
    return roles[0]


def identity_in(role: Element, status: IdentityStatus, issuer: str = "") -> PatientIdentity | None:
    """The identity a patientRole tells; None if none of its identifiers names one person.

    Raises
    ------
    Unusable
        Its birth time cannot be read.

    References
    ----------
    HL7 CDA R2, 4.2.2.11; ANS CI-SIS, volet Structuration minimale, recordTarget.
    """
    birth, tells_month = birth_of_hl7(_birth_time(role), _BIRTH)
    return identity_of(
        (
            Told(value=told.get("extension"), authority=told.get("root", ""))
            for told in children(role, "id")
            if told.get("extension")
        ),
        status=status,
        birth_date=birth if tells_month else None,
        sex=sex_of(_gender(role)),
        issuer=issuer,
    )


def person_record(role: Element, subject: Subject, worker: Worker) -> Record:
    """What a patientRole tells of the person, who stays when the document goes.

    Another document may tell more or less: what it says is part of the key, so both enter and the lake
    fills one row from both.

    Raises
    ------
    Unusable
        Its birth time cannot be read.
    """
    birth, _ = birth_of_hl7(_birth_time(role), _BIRTH)
    gender = _gender(role)
    said = canonical([birth and birth.isoformat(), gender])
    row = person(
        subject,
        worker.home.name,
        year_of_birth=None if birth is None else year_of_birth(birth, worker.year),
        gender=gender_of(gender),
    )
    key = Keying(subject, worker.originals).record(worker.record_key, "cda", "person", said.decode())
    return Record(key=key, content=key, rows=(row,))


def _gender(role: Element) -> str | None:
    told = child(role, "patient", "administrativeGenderCode")
    return None if told is None else told.get("code")


def _birth_time(role: Element) -> str:
    told = child(role, "patient", "birthTime")
    return "" if told is None else told.get("value", "")
