"""Every spelling of what identifies a patient is found, wherever in an output it was left."""

from __future__ import annotations

import unicodedata
from io import BytesIO

import pytest
from headers_to_prove import clean, device, header, written
from hypothesis import assume, given
from hypothesis import strategies as st
from pydicom import Dataset, dcmwrite
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from federim_pipelines.deidentify.proof import Prover

IN_TEXT = "in a name, a row or the pixels"


RAW = written(device())

SPELLINGS = {
    "PatientName (0010,0010)": [
        "Lefèbvre",
        "LEFEBVRE",
        "lefebvre",
        "Mme Lefebvre vue ce jour",
        "DrLefebvre",
        "L-E-F-E-B-V-R-E",
        "LEFE\u200bBVRE",
        "LEFE\u00adBVRE",
        "ＬＥＦＥＢＶＲＥ",
        "L e f è b v r e",
        "Dupont",
        "DUPONT Hélène",
        unicodedata.normalize("NFD", "Hélène"),
        "HÉLÈNE",
        "Helène",
        "ZOE",
        "Zoé",
        "lefebvredupont",
        "Hélène LEFEBVRE DUPONT",
        "HelenZ Lefebvre_Dupont",
    ],
    "PatientBirthName (0010,1005)": ["Müller", "MULLER", "Mueller", "née muller"],
    "PatientID (0010,0020)": ["IPP-00778899", "ipp00778899", "00778899", "778899", "77 88 99", "IPP 778899."],
    "PatientBirthDate (0010,0030)": [
        "19500412",
        "12/04/1950",
        "12-04-50",
        "1950-04-12",
        "12.4.1950",
        "04/12/1950",
        "12041950",
        "né le 12 avril 1950",
        "12 AVR 1950",
        "April 12th, 1950",
        "12-APR-1950",
        "19500412103000",
    ],
    "PatientAddress (0010,1040)": ["12 rue des Lilas", "12, Rue des LILAS", "12 rue des Lilas 75013 Paris"],
    "PatientTelephoneNumbers (0010,2154)": [
        "0612345678",
        "06.12.34.56.78",
        "+33612345678",
        "0033 6 12345678",
    ],
    "AccessionNumber (0008,0050)": ["A2019-55012", "a201955012", "A2019 55012"],
    "InstitutionName (0008,0080)": ["Hôpital Saint-Antoine", "HOPITAL ST ANTOINE / hopital saint antoine"],
    "ReferringPhysicianName (0008,0090)": ["Kowalczyk", "Dr KOWALCZYK", "Anna Kowalczyk"],
    "SOPInstanceUID (0008,0018)": ["1.2.250.1.59.3.1.7.42"],
    "StudyInstanceUID (0020,000D)": ["1.2.250.1.59.3.1"],
}
CASES = [(kind, text) for kind, texts in SPELLINGS.items() for text in texts]


@pytest.mark.parametrize(("kind", "text"), CASES)
def test_a_spelling_is_found_in_a_description(kind: str, text: str) -> None:
    found = Prover().check(RAW, written(clean(SeriesDescription=f"THORAX {text} 5.0")))
    assert f"{kind} in SeriesDescription (0008,103E)" in found


@pytest.mark.parametrize(("kind", "text"), CASES)
def test_a_spelling_is_found_in_private_bytes(kind: str, text: str) -> None:
    output = clean()
    output.private_block(0x0029, "ACME 1.0", create=True).add_new(0x10, "UN", f"\1\2{text}\0".encode())
    assert f"{kind} in (0029,1010)" in Prover().check(RAW, written(output))


@pytest.mark.parametrize(("kind", "text"), CASES)
def test_a_spelling_is_found_deep_in_a_dataset_inside_unknown_bytes(kind: str, text: str) -> None:
    inner = Dataset()
    inner.SpecificCharacterSet = "ISO_IR 192"
    buffer = BytesIO()
    nested = Dataset()
    nested.TextValue = text
    inner.ContentSequence = [nested]
    dcmwrite(buffer, inner, implicit_vr=True, little_endian=True)
    output = clean()
    output.private_block(0x0029, "ACME 1.0", create=True).add_new(0x10, "UN", buffer.getvalue())
    assert f"{kind} in (0029,1010)" in Prover().check(RAW, written(output))


@pytest.mark.parametrize(("kind", "text"), CASES)
def test_a_spelling_is_found_in_a_name_or_a_row(kind: str, text: str) -> None:
    output = written(clean())
    assert f"{kind} {IN_TEXT}" in Prover().check(RAW, output, "CT", f"thorax/{text}/IM0001.dcm")


@pytest.mark.parametrize("codec", ["latin-1", "utf-8", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_name_is_found_in_any_encoding(codec: str) -> None:
    output = clean()
    output.private_block(0x0029, "ACME 1.0", create=True).add_new(
        0x10, "OB", " Hélène Lefèbvre ".encode(codec)
    )
    assert "PatientName (0010,0010) in (0029,1010)" in Prover().check(RAW, written(output))


@pytest.mark.parametrize(
    "encoding",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian],
    ids=lambda uid: uid.name,
)
def test_identity_is_read_in_every_encoding_of_the_original(encoding: UID) -> None:
    raw = written(device(encoding))
    found = Prover().check(raw, written(clean(SeriesDescription="LEFEBVRE 778899 12/04/1950 KOWALCZYK")))
    assert {each.split(" (")[0] for each in found} == {
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "ReferringPhysicianName",
    }


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Lefèbvre^Hélène"),
        ("ISO_IR 192", "Lefèbvre^Hélène"),
        ("ISO_IR 101", "Dvořák^Božena"),
        ("ISO_IR 144", "Люкceмбypг^Роза"),
        ("ISO_IR 126", "Διονυσιος^Γιωργος"),
        ("GB18030", "王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    ],
    ids=str,
)
def test_a_name_written_in_another_character_set_is_found_in_utf_8(
    charset: str | list[str], name: str
) -> None:
    original = header(SpecificCharacterSet=charset, PatientName=name, PatientID="778899")
    for group in name.split("="):
        for text in (group.replace("^", " "), "".join(reversed(group.partition("^")))):
            found = Prover().check(written(original), written(clean(ImageComments=f"vu {text} ce jour")))
            assert "PatientName (0010,0010) in ImageComments (0020,4000)" in found, text


def test_identifiers_nested_in_the_original_count_too() -> None:
    other = Dataset()
    other.PatientID, other.IssuerOfPatientID = "NORD-445566", "CHU"
    original = device()
    original.OtherPatientIDsSequence = [other]
    original.private_block(0x0009, "ACME 1.0", create=True).add_new(0x11, "PN", "Sobolewski^Jan")
    found = Prover().check(written(original), written(clean(StudyDescription="445566 sobolewski")))
    assert {each.split(" in ")[0] for each in found} == {"PatientID (0010,0020)", "PN (0009,1011)"}


def test_a_value_left_where_it_was_is_found_at_every_place() -> None:
    raw = written(device())
    places = {each.split(" in ")[1] for each in Prover().check(raw, raw)}
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "SOPInstanceUID"):
        assert any(place.startswith(keyword) for place in places)


def test_a_number_is_found_as_a_number() -> None:
    output = clean()
    block = output.private_block(0x0029, "ACME 1.0", create=True)
    block.add_new(0x10, "IS", 778899)
    block.add_new(0x11, "DS", "778899")
    assert Prover().check(RAW, written(output)) == (
        "PatientID (0010,0020) in (0029,1010)",
        "PatientID (0010,0020) in (0029,1011)",
    )


def test_what_stands_before_and_after_the_pixels_is_searched() -> None:
    output = clean()
    output.PixelData = b"\0" * 4
    output["PixelData"].VR = "OW"
    content = written(output).removesuffix(b"\0" * 4)  # as a header comes: the pixels are left out
    tail = b"\xfc\xff\xfc\xffOB\0\0\x0a\0\0\0LEFEBVRE\0\0"
    assert Prover().check(RAW, b"LEFEBVRE".ljust(128, b"\0") + content[128:]) == (
        "PatientName (0010,0010) in bytes outside any element",
    )
    assert Prover().check(RAW, content + tail) == (
        "PatientName (0010,0010) in DataSetTrailingPadding (FFFC,FFFC)",
    )


def test_bytes_nobody_can_walk_are_searched() -> None:
    broken = written(clean())[:-20] + b"\x08\x00\x3e\x10LO\xff\xffLEFEBVRE"
    assert any("PatientName" in each for each in Prover().check(RAW, broken))


NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZÀÂÇÉÈÊËÎÏÔÖÙÛÜŸ", min_size=6, max_size=12)


@given(family=NAMES, given_name=NAMES, separator=st.sampled_from(["", " ", "-", "^", "_", ", ", "."]))
def test_any_name_is_found_in_any_order_and_case(family: str, given_name: str, separator: str) -> None:
    assume("REMOVED" not in (family, given_name))  # the one word that stands for a name, and is nobody's
    raw = written(header(PatientName=f"{family}^{given_name}", PatientID="1"))
    for text in (family + separator + given_name, f"{given_name}{separator}{family}".lower()):
        plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
        for form in (text, plain):
            found = Prover().check(raw, written(clean(ImageComments=f"PATIENT {form} A REVOIR")))
            assert "PatientName (0010,0010) in ImageComments (0020,4000)" in found
