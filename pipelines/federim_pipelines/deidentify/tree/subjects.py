"""Who files are about where there is no vault: one key and the patient's identifiers say it all."""

from __future__ import annotations

import secrets
from pathlib import Path

from federim.identity.keyfile import read_or_make_key
from federim.keys import ROOT_KEY_BYTES, keyed
from federim.model.identifiers import Pseudonym, Subject
from federim_pipelines.deidentify.header import Attributes
from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

LONGEST_SHIFT_DAYS = 365
_PSEUDONYM_DIGITS = 32


def root_key(path: Path | None) -> bytes:
    """The 32 bytes of a key file, made if there is none; of a key nobody keeps where there is no path.

    Raises
    ------
    HomeError
        The file is there but is no key.
    """
    return secrets.token_bytes(ROOT_KEY_BYTES) if path is None else read_or_make_key(path)


class KeyedSubjects:
    """Gives each patient a pseudonym, a date shift and a UID key, the same whenever the key is."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._recent: dict[tuple[str, str], Subject] = {}

    def __call__(self, attributes: Attributes) -> Subject:
        """The subject behind PatientID and IssuerOfPatientID.

        Raises
        ------
        Unusable
            There is no PatientID: two such patients would become one.
        """
        patient, issuer = _text(attributes, "PatientID"), _text(attributes, "IssuerOfPatientID")
        if not patient:
            raise Unusable(Reason.PATIENT_UNKNOWN, "PatientID (0010,0020)")
        subject = self._recent.get((patient, issuer))
        if subject is None:
            subject = self._recent[patient, issuer] = self._made(patient, issuer)
        return subject

    def _made(self, patient: str, issuer: str) -> Subject:
        # Surrogates are what a wrongly declared character set leaves.
        token = keyed(
            self._key, "patient", *(part.encode("utf-8", "surrogatepass") for part in (issuer, patient))
        )
        shift = int.from_bytes(keyed(token, "date-shift")) % LONGEST_SHIFT_DAYS
        return Subject(
            person_id=Pseudonym(keyed(token, "person-id").hex()[:_PSEUDONYM_DIGITS]),
            linked=False,
            date_shift_days=-1 - shift,
            uid_key=keyed(token, "uid"),
        )


def _text(attributes: Attributes, keyword: str) -> str:
    # A backslash is no separator in an identifier, but readers take it for one.
    return "\\".join(str(part) for part in values_of(attributes.get(keyword))).strip(" \0")
