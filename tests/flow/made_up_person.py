"""Somebody made up, and how real headers come to be about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydicom import Dataset

NO_TEXT_IN_PIXELS = ("CT", "MR", "PT", "CR", "DX", "XA", "NM", "SEG", "RTDOSE")


@dataclass(frozen=True)
class Person:
    """Somebody made up, and every string that may not be found again."""

    number: int

    @property
    def patient_id(self) -> str:
        return f"8004{self.number}77193"

    @property
    def secrets(self) -> tuple[str, ...]:
        return (
            *(self.patient_id, f"KERVADEC{self.number}", "Soazig", f"06 12 34 56 7{self.number}", "IROISE"),
            *(f"ACQ99{self.number}812", "soazig.kervadec@example.org", "rue de Siam"),
        )


def plant(header: Dataset, person: Person) -> None:
    """Put a person into a header, in the places and the wording in which people are found there."""
    patient_id, family, given, phone, town, accession, mail, street = person.secrets
    header.SpecificCharacterSet = "ISO_IR 192"
    header.PatientName, header.PatientID = f"{family}^{given}", patient_id
    header.pop("IssuerOfPatientID", None)
    header.PatientBirthDate, header.PatientSex = "19520314", "F"
    header.AccessionNumber, header.PatientAddress = accession, f"12 {street}, {town}"
    header.PatientTelephoneNumbers = phone
    header.SeriesDescription = f"THORAX {family}"
    header.StudyDescription = f"abdomen pelvis {phone}"
    header.ImageComments = f"Mme {given} {family.title()}, {street}, {mail}"
    header.ProtocolName = f"axial {accession}"
    step = Dataset()
    step.ScheduledProcedureStepDescription = f"cerebral {patient_id}"
    step.RequestedProcedureComments = f"{family} {given} {town}"
    header.RequestAttributesSequence = [step]
    header.private_block(0x0099, "SOMEBODY 1.0", create=True).add_new(0x01, "LO", f"{given} {family}")
    if header.get("Modality") in NO_TEXT_IN_PIXELS:
        header.BurnedInAnnotation = "NO"
    if day_of(header.get("StudyDate")) is None:
        header.StudyDate = "20240229"
    header.StudyTime = header.get("StudyTime") or "101530"


def day_of(value: object) -> int | None:
    """The number of a DA value's day; None if it names none."""
    try:
        return datetime.strptime(str(value), "%Y%m%d").toordinal()
    except ValueError:
        return None
