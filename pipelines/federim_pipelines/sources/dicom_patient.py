"""Read who a DICOM header is about: its patient identifiers and who issued them."""

from __future__ import annotations

from collections.abc import Iterator

from federim.model.identifiers import PatientIdentity, Subject
from federim_pipelines.deidentify.dates import parse_date
from federim_pipelines.deidentify.header import Attributes
from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources import identifiers
from federim_pipelines.sources.identifiers import Told
from federim_pipelines.subjects import Subjects


def identity_of(dataset: Attributes, issuer: str = "") -> PatientIdentity | None:
    """All identifiers of a header's patient; None if it has none.

    PatientID is `issuer`'s, "" being the site's own register, unless IssuerOfPatientID says whose it is. Of
    the other identifiers those with an issuer count: one without could be anybody's. DICOM has no place for
    the status of an INS, so it is provisional here, whatever was checked before.

    References
    ----------
    DICOM PS3.3, C.7.1.1 and table 10-18 (issuer); ANS, CI-SIS (INS authorities).
    """
    told = [
        Told(value=_text(item, "PatientID"), authority=_issuer(item))
        for item, is_main in _identifiers(dataset)
        if is_main or _issuer(item)
    ]
    birth = _text(dataset, "PatientBirthDate")
    return identifiers.identity_of(
        told,
        birth_date=parse_date(birth),
        sex=identifiers.sex_of(_text(dataset, "PatientSex").upper()),
        issuer=issuer,
    )


def subject_of(attributes: Attributes, subjects: Subjects, issuer: str = "") -> Subject:
    """Who a header is about.

    Raises
    ------
    Unusable
        It names nobody; or as `Subjects.learn`.
    """
    identity = identity_of(attributes, issuer)
    if identity is None:
        raise Unusable(Reason.PATIENT_UNKNOWN, "PatientID (0010,0020)")
    return subjects.learn(identity, "PatientID (0010,0020) or OtherPatientIDsSequence (0010,1002)")


def _identifiers(dataset: Attributes) -> Iterator[tuple[Attributes, bool]]:
    yield dataset, True
    for item in dataset.get("OtherPatientIDsSequence") or ():
        yield item, False


def _issuer(item: Attributes) -> str:
    """The issuer's OID where its qualifiers give one, else its name, else nothing."""
    for qualifiers in item.get("IssuerOfPatientIDQualifiersSequence") or ():
        if _text(qualifiers, "UniversalEntityIDType") == "ISO" and _text(qualifiers, "UniversalEntityID"):
            return _text(qualifiers, "UniversalEntityID")
    return _text(item, "IssuerOfPatientID")


def _text(item: Attributes, keyword: str) -> str:
    # A backslash is no separator in an identifier, but pydicom takes it for one.
    return "\\".join(str(part) for part in values_of(item.get(keyword))).strip(" \0")
