"""Invent the demonstration's people: clearly synthetic patients, some of whom attend two hospitals."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

SEED = 20261124
TEST_OID = "1.2.250.1.213.1.4.10"  # the INS test authority: no real person has such an identity


@dataclass(frozen=True, slots=True)
class Hospital:
    """A site of the demonstration and how its scanner and its patients differ from the others'."""

    name: str
    title: str
    patients: int
    prevalence: float  # share of patients with a lesion
    slice_thickness_mm: float
    pixel_spacing_mm: float
    intensity_offset_hu: float  # a badly calibrated tube
    noise_hu: float
    model: str
    speaks_hl7v2: bool = False  # its laboratory, rather than FHIR


HOSPITALS = (
    Hospital("chu-nord", "CHU Nord", 60, 0.50, 2.5, 5.0, 0.0, 12.0, "Phantom One"),
    Hospital("imagerie-centre", "Imagerie Centre", 54, 0.40, 3.75, 5.0, 25.0, 20.0, "Phantom Two"),
    Hospital(
        "clinique-sud", "Clinique Sud", 50, 0.32, 5.0, 5.0, -30.0, 28.0, "Phantom Three", speaks_hl7v2=True
    ),
)
SHARED_PATIENTS = 12  # how many attend two hospitals


@dataclass(frozen=True, slots=True)
class Patient:
    """One invented person."""

    number: int
    ins: str
    sex: str  # M or F
    birth: dt.date
    lesion: bool
    burden: float  # 0 to 1: how large the lesion is, and how far biology follows

    @property
    def family(self) -> str:
        return "FICTIF"

    @property
    def given(self) -> str:
        return f"PATIENT{self.number:04d}"


@dataclass(frozen=True, slots=True)
class Visit:
    """One person's examination at one hospital."""

    patient: Patient
    ipp: str
    day: dt.date
    seed: int  # what makes this visit's image and results its own


def invent() -> dict[str, list[Visit]]:
    """The visits of each hospital, the same at every call."""
    dice = random.Random(SEED)  # noqa: S311 — synthetic patients need repeatability, not secrecy
    visits: dict[str, list[Visit]] = {hospital.name: [] for hospital in HOSPITALS}
    number = 0
    for hospital in HOSPITALS:
        for _ in range(hospital.patients):
            number += 1
            patient = _patient(dice, number, hospital.prevalence)
            visits[hospital.name].append(_visit(dice, hospital, patient))
    # People go where the delay is shortest: some of the first hospital's patients are seen again elsewhere.
    first, *others = HOSPITALS
    for index, visit in enumerate(dice.sample(visits[first.name], SHARED_PATIENTS)):
        other = others[index % len(others)]
        visits[other.name].append(_visit(dice, other, visit.patient))
    return visits


def ins_key(body: str) -> str:
    """The two-digit key of a 13-digit matricule: 97 minus the number modulo 97."""
    return f"{97 - int(body) % 97:02d}"


def _patient(dice: random.Random, number: int, prevalence: float) -> Patient:
    sex = dice.choice("MF")
    birth = dt.date(dice.randint(1932, 1985), dice.randint(1, 12), dice.randint(1, 28))
    # Department 99 and commune 999 exist nowhere; with the test OID nobody can mistake it for a real one.
    body = f"{1 if sex == 'M' else 2}{birth.year % 100:02d}{birth.month:02d}99999{number:03d}"
    lesion = dice.random() < prevalence
    burden = dice.betavariate(3, 2) if lesion else 0.0
    return Patient(number, body + ins_key(body), sex, birth, lesion, burden)


def _visit(dice: random.Random, hospital: Hospital, patient: Patient) -> Visit:
    day = dt.date(2024, 1, 1) + dt.timedelta(days=dice.randrange(700))
    ipp = f"{hospital.name[:3].upper()}{dice.randrange(10**7):07d}"
    return Visit(patient, ipp, day, dice.randrange(2**31))
