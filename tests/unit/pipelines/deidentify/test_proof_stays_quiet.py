"""The proof is quiet about what only looks like a patient: stamps, measurements, keyed values."""

from __future__ import annotations

import pytest
from headers_to_prove import clean, header, written
from pydicom import Dataset
from pydicom.sr.codedict import codes

from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.proof import Prover


def stamped() -> Dataset:
    method = Dataset()
    method.CodeValue, method.CodingSchemeDesignator = "113100", "DCM"
    method.CodeMeaning = codes.DCM.BasicApplicationConfidentialityProfile.meaning
    return clean(
        PatientIdentityRemoved="YES",
        DeidentificationMethod="Federim policy research",
        DeidentificationMethodCodeSequence=[method],
        LongitudinalTemporalInformationModified="MODIFIED",
        SliceThickness="5.0",
        RepetitionTime="1234",
        InstanceNumber=1234,
        ConvolutionKernel="B70f",
    )


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("Basic", "1"),
        ("Federim", "CT1"),
        ("CT1^Test", "1234"),
        ("Profile^Confidentiality", "1111"),
        ("Modified", "ORIG"),
        ("Li^Wei", "2"),
        ("Le^An", "0"),
        ("Mary", "123"),
        ("DE", "8"),
        ("Research", "4"),
    ],
)
def test_a_patient_called_like_a_stamp_is_not_seen_in_it(name: str, identifier: str) -> None:
    raw = written(header(PatientName=name, PatientID=identifier))
    assert Prover().check(raw, written(stamped())) == ()


def test_but_a_stamp_that_held_the_name_before_is_no_excuse() -> None:
    raw = written(header(PatientName="Federim^Basic", DeidentificationMethod="Basic by Federim"))
    found = Prover().check(raw, written(stamped()))
    assert found == ("PatientName (0010,0010) in DeidentificationMethod (0012,0063)",)


def test_a_number_is_not_seen_inside_keyed_values() -> None:
    raw = written(header(PatientID="456789", AccessionNumber="5678", PatientName="Fade"))
    output = written(clean(FrameOfReferenceUID="2.25.114567891234"))
    assert Prover().check(raw, output, "fade0123456789abcdef0123456789abcdef") == ()


def test_a_moved_date_that_meets_the_birth_date_is_no_birth_date() -> None:
    """A newborn's examination, moved by less than a year, may fall on the day of birth."""
    raw = written(header(PatientBirthDate="20190412", StudyDate="20190801", SeriesDate="20190412"))
    output = written(clean(StudyDate="20190412"))
    assert Prover().check(raw, output) == ()
    kept = written(clean(SeriesDate="20190412"))
    assert Prover().check(raw, kept) == ("PatientBirthDate (0010,0030) in SeriesDate (0008,0021)",)


def test_a_birth_date_reduced_to_its_year_is_no_birth_date() -> None:
    raw = written(header(PatientBirthDate="19500412"))
    assert Prover().check(raw, written(clean(PatientBirthDate="19500101"))) == ()
    born_in_january = written(header(PatientBirthDate="19500101"))
    assert Prover().check(born_in_january, written(clean(PatientBirthDate="19500101"))) == ()


def test_the_standards_own_uids_are_nobodys() -> None:
    talairach = "1.2.840.10008.1.4.1.1"
    raw = written(header(FrameOfReferenceUID=talairach))
    assert Prover().check(raw, written(clean(FrameOfReferenceUID=talairach))) == ()


def test_a_uid_is_not_taken_for_the_beginning_of_another() -> None:
    raw = written(header(StudyInstanceUID="1.2.250.1.59"))
    assert Prover().check(raw, written(clean(FrameOfReferenceUID="1.2.250.1.599"))) == ()


def test_what_the_policy_keeps_on_purpose_is_not_looked_for(tmp_path) -> None:  # type: ignore[no-untyped-def]
    site = tmp_path / "site.toml"
    site.write_text('[attributes]\nInstitutionName = "keep"\n')
    raw = written(header(InstitutionName="Hôpital Nord", PatientName="Lefebvre"))
    output = written(clean(InstitutionName="Hôpital Nord", ImageComments="Lefebvre"))
    assert Prover.under(load_policy(site)).check(raw, output) == (
        "PatientName (0010,0010) in ImageComments (0020,4000)",
    )


def test_words_that_hold_a_short_name_are_not_that_name() -> None:
    raw = written(header(PatientName="Mary^Ann", PatientBirthName="Bo", PatientID="1"))
    output = written(clean(SeriesDescription="PRIMARY SCANNER BO2", ImageType=["DERIVED", "PRIMARY", "BO"]))
    assert Prover().check(raw, output) == ()
    assert Prover().check(raw, written(clean(SeriesDescription="ANN")))
    assert Prover().check(raw, written(clean(SeriesDescription="MARY52")))
